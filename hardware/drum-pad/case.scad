// drum-pad: the disc's lead through the lid, the USB plug in the back. Tray and lid side by side, both print without supports.
use <../common/box.scad>

inside = [120, 120, 24];
holes = [["lid", 60, 12, 5], ["back", 60, 10, 11]];

box(inside, holes);
