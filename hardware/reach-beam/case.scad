// reach-beam: the sensor's window in the lid, the USB plug in the back. Tray and lid side by side, both print without supports.
use <../common/box.scad>

inside = [75, 50, 20];
holes = [["lid", 20, 25, 9], ["back", 37, 10, 11]];

box(inside, holes);
