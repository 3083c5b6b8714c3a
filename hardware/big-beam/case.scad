// big-beam: two boxes, the eyes in the front of each; the USB plug in the back of the first, the lead in both.
use <../common/box.scad>

show = "print";
box([75, 73, 46], [eyes(43), pico(53), strip(0.4, 9, 7, true), hole("back", 14, 24, 6)], show);
translate([102, 0, 0]) box([54, 40, 46], [eyes(27), strip(9, 15, 4), hole("back", 27, 30, 6)], show);
