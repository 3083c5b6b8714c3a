// squeeze-ball: the air tube through the front, the USB plug in the back.
use <../common/box.scad>

show = "print";
box([58, 62, 30], [pico(13.5), square_board(42, 38), hole("front", 42, 19, 5)], show);
