/** The way from the desk to the worklet, on a thread of its own: a page that is busy for a moment holds nothing up. */

import { LATE_MS, Lateness, endings } from "./messages.js";

const AGAIN_MS = [500, 500, 1000, 2000, 5000];
const MOST_LATE = 250; // packets in a row, five seconds of heartbeats: then the clocks have gone apart, not the way slow

let port = null;
let tries = 0;

self.onmessage = ({ data }) => {
  port = data;
  connect();
};

function connect() {
  const url = new URL("/sound", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(url);
  const lateness = new Lateness();
  let late = 0;
  socket.onopen = () => (tries = 0);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => {
    const bytes = new Uint8Array(data, 4);
    late = lateness.of(new DataView(data).getUint32(0), performance.now()) > LATE_MS ? late + 1 : 0;
    if (late > MOST_LATE) socket.close();
    else port.postMessage({ at: Date.now(), bytes: late ? endings(bytes) : bytes });
  };
  socket.onclose = () => {
    port.postMessage({ at: Date.now(), bytes: null });
    setTimeout(connect, AGAIN_MS[Math.min(tries++, AGAIN_MS.length - 1)]);
  };
}
