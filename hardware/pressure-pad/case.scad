// pressure-pad: the FSR's tail through the lid, a pillar under the pad, the USB plug in the back.
use <../common/box.scad>

show = "print";
box([82, 62, 30], [pico(13.5), slot(54, 8, [20, 4]), pillar(54, 38), strip(60, 12, 2)], show);
