// mixed-table: jack and air tube in the front, the sensor's window in the lid, the USB plug in the back.
use <../common/box.scad>

show = "print";
box([98, 74, 30], [jack(12), strip(2, 46, 2), pico(42), square_board(76, 28), hole("front", 76, 19, 5), window(76, 62)], show);
