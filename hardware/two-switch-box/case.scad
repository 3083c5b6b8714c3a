// two-switch-box: two jacks in the front, the USB plug in the back.
use <../common/box.scad>

show = "print";
box([70, 75, 30], [jack(10), jack(60), strip(21.5, 0.5, 3), pico(35)], show);
