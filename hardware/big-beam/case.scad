// big-beam: the two eyes in the front, the plug or lead in the back; print it twice. Tray and lid side by side, both print without supports.
use <../common/box.scad>

inside = [90, 60, 26];
holes = [["front", 32, 13, 16.5], ["front", 58, 13, 16.5], ["back", 45, 10, 11]];

box(inside, holes);
