// A box with a lid for every instrument of this folder. All sizes in mm.
//
//   box([52, 62, 30], [pico(13.5), window(38, 31)]);
//
// The first list is what is free inside: width, depth, height. The second names what goes in; each thing brings its own
// supports, holes and the space that it takes. Places are measured inside, from the left front corner on the floor.
// show = "print" lies tray, lid and button side by side, without supports; "whole" is the closed box with its parts;
// "clash" is what two of them want to fill: nothing, if everything fits (tools/hardware.py looks).
// Boards stand on pegs: a drop of hot glue on each holds them.

wall = 2;
corner = 4; // radius of the upright edges
round_ = 2.5; // radius of the lying ones
play = 0.3;
$fn = 32;

// ---------------------------------------------------------------- what goes in

// Raspberry Pi Pico with pins, USB socket in the back wall, its middle at x. Jumper sockets hang on its pins.
function pico(x) = ["pico", x];
// 3.5 mm socket with screw terminals, mouth in the front wall; [width, length, height] differ from maker to maker.
function jack(x, size = [14.6, 40, 13]) = ["jack", x, size];
// Terminal strip with that many poles, its left front corner; turned: the row runs to the back.
function strip(x, y, poles, turned = false) = ["strip", x, y, poles, turned];
// SparkFun board 25.4 x 25.4 with four holes, its middle; its plugs leave to front and back.
function square_board(x, y) = ["square", x, y];
// Distance sensor board 25.4 x 17.8 under a window of the lid, its middle; turned: the long side runs to the back.
function window(x, y, turned = false) = ["window", x, y, turned];
// HC-SR04, both eyes through the front wall, pins up; its middle at x.
function eyes(x) = ["eyes", x];
// Holes: round ones in the "front", the "back" or the "lid" (there the third number is y), a slot in the lid.
function hole(side, x, up, d) = ["hole", side, x, up, d];
function slot(x, y, size) = ["slot", x, y, size];
// Something that only needs room, its left front corner on the floor.
function room(at, size) = ["room", at, size];
// Carries the lid where somebody presses or hits it.
function pillar(x, y) = ["pillar", x, y];

pico_up = 21; // under the board: plastic of the pins 2.5, jumper socket 14, bend of the lead 4.5
pico_gap = 0.4; // from the board's end to the back wall
usb_up = pico_up + 1 + 1.35;
button_up = pico_up + 1 + 2.75; // BOOTSEL's top; its place, as the LED's, is measured on Pico and Pico 2
button_at = [-3.2, -12.6];
led_at = [-5.8, -4.5];
jack_up = 9.5;
eye_up = 12.3;
pole = 9; // of a strip
window_down = 3.4; // from lid to sensor board: more than the height of its sockets

// ---------------------------------------------------------------- shapes

module plate(size, inset, h) {
    linear_extrude(h) offset(corner - inset) translate([corner, corner]) square([size[0] - 2 * corner, size[1] - 2 * corner]);
}

// A block with round upright edges and a rounded underside that prints without supports.
module block(size) {
    hull() {
        for (a = [0, 15, 30, 45])
            translate([0, 0, round_ * (sin(45) - sin(a))]) plate(size, round_ * (1 - cos(a)), 0.01);
        translate([0, 0, size[2] - 0.01]) plate(size, 0, 0.01);
    }
}

module room_inside(inside) {
    linear_extrude(inside[2] + 1) offset(corner - wall) offset(wall - corner) square([inside[0], inside[1]]);
}

module peg(d, up, size) {
    cylinder(d = size, h = up);
    cylinder(d = d, h = up + 1.6);
}

// ---------------------------------------------------------------- what each thing adds to the tray

module support(t, inside) {
    if (t[0] == "pico") translate([t[1], inside[1] - pico_gap, 0]) pico_stand();
    if (t[0] == "jack")
        for (side = [-1, 1])
            translate([t[1] + side * (t[2][0] / 2 + play + 1) - 1, 0, 0]) cube([2, t[2][1] * 0.6, jack_up]);
    if (t[0] == "jack") translate([t[1] - t[2][0] / 2 - 1, 0, 0]) cube([t[2][0] + 2, t[2][1] * 0.6, jack_up - t[2][2] / 2]);
    if (t[0] == "square")
        for (x = [-1, 1], y = [-1, 1]) translate([t[1] + x * 10.16, t[2] + y * 10.16, 0]) peg(2.8, 4, 6);
    if (t[0] == "eyes")
        for (side = [-1, 1]) translate([t[1] + side * 19 - 3, 12.3, 0]) cube([6, 2, 8]);
    if (t[0] == "pillar") translate([t[1], t[2], 0]) cylinder(d1 = 10, d2 = 8, h = inside[2]);
}

// Two walls that fit between the rows of jumper sockets; four pegs; a stop behind the board's far end.
module pico_stand() {
    difference() {
        for (y = [-4.2, -51 - play]) translate([-7.2, y, 0]) cube([14.4, 4.7, pico_up]);
        translate([-4.2, -53, pico_up - 0.8]) cube([8.4, 54, 2]);
    }
    for (x = [-5.7, 5.7], y = [-2, -49]) translate([x, y, 0]) cylinder(d = 1.7, h = pico_up + 2);
    translate([-7.2, -51 - play - 2, 0]) cube([14.4, 2.1, pico_up + 2.5]);
}

// ---------------------------------------------------------------- what each thing takes out of the walls

module opening(t, inside) {
    if (t[0] == "pico") translate([t[1] - 6.2, inside[1] - 1, usb_up - 4.5]) cube([12.4, wall + 2, 9]);
    if (t[0] == "jack") through_front(t[1], jack_up, 11);
    if (t[0] == "eyes") for (side = [-1, 1]) through_front(t[1] + side * 13.25, eye_up, 17);
    if (t[0] == "hole" && t[1] == "front") through_front(t[2], t[3], t[4]);
    if (t[0] == "hole" && t[1] == "back")
        translate([t[2], inside[1] - 1, t[3]]) rotate([-90, 0, 0]) cylinder(d = t[4], h = wall + 2);
}

module through_front(x, up, d) {
    translate([x, 1, up]) rotate([90, 0, 0]) {
        cylinder(d = d, h = wall + 2);
        translate([0, 0, wall + 0.4]) cylinder(d1 = d, d2 = d + 4, h = 2);
    }
}

// ---------------------------------------------------------------- what each thing does to the lid (seen from above, z = 0 its underside)

module lid_adds(t, inside) {
    if (t[0] == "window")
        translate([t[1], t[2], -window_down]) rotate(t[3] ? 90 : 0)
            for (side = [-1, 1]) translate([-7, side * 7.6 - 1.2, 0]) cube([14, 2.4, window_down + 0.1]);
}

module lid_takes(t, inside) {
    if (t[0] == "pico") translate([t[1], inside[1] - pico_gap, -1]) {
        translate(button_at) cylinder(d = 6.6, h = wall + 2);
        translate(led_at) cylinder(d = 3, h = wall + 2);
    }
    if (t[0] == "window") translate([t[1], t[2], -1]) {
        cylinder(d = 12, h = wall + 2);
        translate([0, 0, 2]) cylinder(d1 = 12, d2 = 14, h = 1.01);
    }
    if (t[0] == "slot") translate([t[1] - t[3][0] / 2, t[2] - t[3][1] / 2, -1]) cube([t[3][0], t[3][1], wall + 2]);
    if (t[0] == "hole" && t[1] == "lid") translate([t[2], t[3], -1]) cylinder(d = t[4], h = wall + 2);
}

// ---------------------------------------------------------------- the parts themselves, with their plugs and leads

module part(t, inside) {
    if (t[0] == "pico") translate([t[1], inside[1] - pico_gap, pico_up]) pico_part(inside[2] - pico_up);
    if (t[0] == "jack") translate([t[1], 0, jack_up]) {
        translate([-t[2][0] / 2, 0.2, -t[2][2] / 2]) cube([t[2][0], t[2][1], t[2][2]]);
        translate([0, 0.2, 0]) rotate([90, 0, 0]) cylinder(d = 10, h = 25);
    }
    if (t[0] == "strip") translate([t[1], t[2], 0.2]) cube(t[4] ? [20, pole * t[3], 15] : [pole * t[3], 20, 15]);
    if (t[0] == "square") translate([t[1], t[2], 4.1]) {
        difference() {
            translate([-12.7, -12.7, 0]) cube([25.4, 25.4, 1.6]);
            for (x = [-1, 1], y = [-1, 1]) translate([x * 10.16, y * 10.16, -1]) cylinder(d = 3.3, h = 4);
        }
        translate([-3.5, -20, 1.6]) cube([7, 40, 3]);
        cylinder(d = 5, h = 14);
    }
    if (t[0] == "window") translate([t[1], t[2], inside[2] - window_down - 0.1]) rotate(t[3] ? 90 : 0) {
        translate([-12.7, -8.9, -1.6]) cube([25.4, 17.8, 1.6]);
        translate([-19, -3.2, 0]) cube([38, 6.4, 3]);
        cylinder(d1 = 5, d2 = 9, h = 30);
    }
    if (t[0] == "eyes") translate([t[1], 0, eye_up]) {
        translate([-22.5, 10.3, -10.25]) cube([45, 1.6, 20.5]);
        for (side = [-1, 1]) translate([side * 13.25, 10.3, 0]) rotate([90, 0, 0]) cylinder(d = 16, h = 12.5);
        translate([-5.1, 12, 8]) cube([10.2, 3, 24]);
    }
    if (t[0] == "room") translate(t[1]) translate([0, 0, 0.2]) cube(t[2]);
}

module pico_part(up) {
    difference() {
        translate([-10.5, -51, 0.05]) cube([21, 51, 1]);
        for (x = [-5.7, 5.7], y = [-2, -49]) translate([x, y, -1]) cylinder(d = 2.1, h = 4);
    }
    translate([-4, -4.6, 1.05]) cube([8, 5.9, 2.8]);
    translate([-5.3, 1.8, 1.35 + 1 - 4.25]) cube([10.6, 20, 8.5]);
    translate([button_at[0] - 2.3, button_at[1] - 1.7, 1.05]) cube([4.6, 3.4, 1.65]);
    translate([-3, -50, 1.05]) cube([6, 5, 4.2]);
    for (side = [-1, 1]) translate([side * 8.89 - 1.27, -50.9, -17]) cube([2.54, 50.8, 17]);
}

// ---------------------------------------------------------------- the box

module tray(inside, things) {
    difference() {
        union() {
            difference() {
                block([inside[0] + 2 * wall, inside[1] + 2 * wall, inside[2] + wall]);
                translate([wall, wall, wall]) room_inside(inside);
            }
            translate([wall, wall, wall - 0.01]) for (t = things) support(t, inside);
        }
        translate([wall, wall, wall]) for (t = things) opening(t, inside);
    }
}

// Seen as it lies on the box: z = 0 is its underside, its lip reaches 2 mm into the tray.
module lid(inside, things) {
    difference() {
        union() {
            translate([-wall, inside[1] + wall, wall]) rotate([180, 0, 0]) block([inside[0] + 2 * wall, inside[1] + 2 * wall, wall]);
            difference() {
                translate([play, play, -2]) linear_extrude(2.1) offset(corner - wall) offset(wall - corner)
                    square([inside[0] - 2 * play, inside[1] - 2 * play]);
                translate([play + 2, play + 2, -3]) linear_extrude(3) offset(1) offset(-1)
                    square([inside[0] - 2 * play - 4, inside[1] - 2 * play - 4]);
            }
            for (t = things) lid_adds(t, inside);
        }
        for (t = things) lid_takes(t, inside);
        for (t = things) if (t[0] == "pillar") translate([t[1], t[2], -3.01]) cylinder(d = 10, h = 3);
    }
}

// Between BOOTSEL and a fingertip; its collar keeps it in the box.
module button(inside) {
    cylinder(d = 9, h = inside[2] - button_up - 0.5);
    cylinder(d = 5.8, h = inside[2] - button_up + wall);
    translate([0, 0, inside[2] - button_up + wall]) cylinder(d1 = 5.8, d2 = 4.2, h = 0.8);
}

function has_pico(things) = len([for (t = things) if (t[0] == "pico") t]) > 0;
function button_place(t, inside) = [t[1] + button_at[0], inside[1] - pico_gap + button_at[1], button_up + 0.1];

module closed(inside, things) {
    translate([-wall, -wall, -wall]) tray(inside, things);
    translate([0, 0, inside[2] + 0.01]) lid(inside, things);
    for (t = things) if (t[0] == "pico") translate(button_place(t, inside)) button(inside);
}

module box(inside, things, show = "print") {
    if (show == "print") {
        tray(inside, things);
        translate([wall, 2 * inside[1] + 3 * wall + 8 + wall, wall]) rotate([180, 0, 0]) lid(inside, things);
        if (has_pico(things)) translate([inside[0] + 2 * wall + 10, 8, 0]) button(inside);
    }
    if (show == "whole") {
        color("Gold", 0.35) closed(inside, things);
        color("SteelBlue") for (t = things) part(t, inside);
    }
    if (show == "clash") {
        intersection() {
            closed(inside, things);
            union() for (t = things) part(t, inside);
        }
        for (n = [1:1:len(things) - 1]) intersection() {
            part(things[n], inside);
            union() for (k = [0:n - 1]) part(things[k], inside);
        }
    }
}
