// reach-beam: the sensor's window in the lid, the USB plug in the back.
use <../common/box.scad>

show = "print";
box([52, 62, 30], [pico(13.5), window(38, 32, true)], show);
