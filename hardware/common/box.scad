// A box with a lid, for every instrument of this folder. All sizes in mm. Round edges, no sharp corner.
// box(inside, holes): inside = [width, depth, height]; a hole = [side, along, up, diameter]
// side: "front", "back" or "lid" (there: along the width, along the depth).
$fn = 40;
wall = 2.4;
edge = 4;

module rounded(size) {
    hull()
        for (x = [edge, size[0] - edge], y = [edge, size[1] - edge]) {
            translate([x, y, edge]) sphere(edge);
            translate([x, y, size[2] - 1]) cylinder(r = edge, h = 1);
        }
}

module drilled(inside, holes, side) {
    for (h = holes)
        if (h[0] == side) {
            if (side == "lid") translate([wall + h[1], wall + h[2], -10]) cylinder(d = h[3], h = 30);
            if (side == "front") translate([wall + h[1], wall + 1, wall + h[2]]) rotate([90, 0, 0]) cylinder(d = h[3], h = 10);
            if (side == "back") translate([wall + h[1], wall + inside[1] - 1, wall + h[2]]) rotate([-90, 0, 0]) cylinder(d = h[3], h = 10);
        }
}

module tray(inside, holes) {
    difference() {
        rounded([inside[0] + 2 * wall, inside[1] + 2 * wall, inside[2] + wall]);
        translate([wall, wall, wall]) cube([inside[0], inside[1], inside[2] + 1]);
        drilled(inside, holes, "front");
        drilled(inside, holes, "back");
    }
}

// The lid's lip goes into the tray with 0.3 mm of play; two drops of glue or two turns of tape hold it.
module lid(inside, holes) {
    size = [inside[0] + 2 * wall, inside[1] + 2 * wall, wall];
    difference() {
        union() {
            hull() for (x = [edge, size[0] - edge], y = [edge, size[1] - edge]) translate([x, y, 0]) cylinder(r = edge, h = wall);
            translate([wall + 0.3, wall + 0.3, wall - 0.1]) cube([inside[0] - 0.6, inside[1] - 0.6, 2.1]);
        }
        translate([wall + 2.3, wall + 2.3, wall]) cube([inside[0] - 4.6, inside[1] - 4.6, 3]);
        translate([size[0], 0, 0]) mirror([1, 0, 0]) drilled(inside, holes, "lid");
    }
}

module box(inside, holes) {
    tray(inside, holes);
    translate([0, inside[1] + 2 * wall + 10, 0]) lid(inside, holes);
}
