// drum-pad: the disc's lead through the lid, pillars under the rubber, the USB plug in the back.
use <../common/box.scad>

show = "print";
box([120, 120, 30], [pico(13.5), hole("lid", 60, 12, 6), room([40, 70, 0], [30, 40, 12]), pillar(60, 60), pillar(30, 30), pillar(90, 30), pillar(90, 90)], show);
