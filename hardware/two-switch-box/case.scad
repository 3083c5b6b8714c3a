// two-switch-box: two jacks in the front, the USB plug in the back. Tray and lid side by side, both print without supports.
use <../common/box.scad>

inside = [80, 60, 24];
holes = [["front", 24, 12, 6.2], ["front", 56, 12, 6.2], ["back", 40, 10, 11]];

box(inside, holes);
