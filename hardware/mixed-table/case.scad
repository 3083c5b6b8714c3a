// mixed-table: jack and air tube in the front, the sensor's window in the lid, the USB plug in the back. Tray and lid side by side, both print without supports.
use <../common/box.scad>

inside = [100, 60, 24];
holes = [["front", 25, 12, 6.2], ["front", 75, 12, 5], ["lid", 20, 30, 9], ["back", 50, 10, 11]];

box(inside, holes);
