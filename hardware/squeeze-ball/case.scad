// squeeze-ball: the air tube in the front, the USB plug in the back. Tray and lid side by side, both print without supports.
use <../common/box.scad>

inside = [75, 50, 22];
holes = [["front", 37, 11, 5], ["back", 37, 10, 11]];

box(inside, holes);
