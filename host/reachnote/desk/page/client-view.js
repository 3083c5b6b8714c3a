/** What clients see on a second screen: a dim shape for each player, which grows with the movement. Nothing else. */

import { listen } from "./keys.js";
import { shape } from "./parts/shapes.js";
import { Talk } from "./talk.js";

const LEAST = 0.35;
const SLOW = 0.2; // of the way in each frame: nothing jumps

const talk = new Talk();
let players = [];
let levels = {};

talk.on("status", ({ status }) => show(status?.boards ?? []));
talk.on("levels", (line) => (levels = line.levels));
talk.on("news", () => talk.ask("status").then((reply) => reply.ok && show(reply.status.boards)));
listen({ silence: () => talk.ask("silence") }, () => ({ letters: false, locked: true }));
talk.start();
requestAnimationFrame(move);

// One player a board; one who has left makes room.
function show(boards) {
  const there = boards.filter((board) => board.state !== "unplugged");
  if (there.map((board) => board.name).join("\n") === players.map((player) => player.name).join("\n")) return;
  players = there.map((board) => {
    const element = shape(board.sensors[0]?.number ?? 0, { role: "img", "aria-label": board.name, "aria-hidden": null });
    return { name: board.name, places: board.sensors.map((sensor) => `${board.name}/${sensor.name}`), element, size: LEAST };
  });
  document.body.replaceChildren(...players.map((player) => player.element));
}

function move() {
  requestAnimationFrame(move);
  for (const player of players) {
    const level = Math.max(0, ...player.places.map((place) => levels[place] ?? 0));
    const wanted = LEAST + (1 - LEAST) * level;
    if (Math.abs(wanted - player.size) < 0.002) continue;
    player.size += (wanted - player.size) * SLOW;
    player.element.style.transform = `scale(${player.size.toFixed(3)})`;
    player.element.style.opacity = (0.45 + 0.4 * player.size).toFixed(3);
  }
}
