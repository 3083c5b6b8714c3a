// pressure-pad: the FSR's tail through the lid, the USB plug in the back. Tray and lid side by side, both print without supports.
use <../common/box.scad>

inside = [80, 70, 20];
holes = [["lid", 40, 10, 8], ["back", 40, 10, 11]];

box(inside, holes);
