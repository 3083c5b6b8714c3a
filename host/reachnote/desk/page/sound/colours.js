/** What the voices are made of: two waves, one over the other, and how each comes and goes. Pure. */

/** Samples of one turn of a wave. */
export const TURN = 1024;
const MOST_PARTIALS = [8, 4, 2, 1];

/*
 * `a` and `b`: how strong the partials of the two waves are. `mix`: how much of b. `ratio`: b's pitch over a's. Seconds:
 * `attack` to come, `fall`/`fallB` towards `stay`/`stayB` while it is held, `release` to go.
 */
const KEYS = {
  a: [1, 0.35, 0.12, 0.05], b: [0.5, 0.8, 0.6, 0.4, 0.25, 0.2, 0.1], mix: 0.3, ratio: 1,
  attack: 0.004, fall: 1.6, stay: 0, fallB: 0.25, stayB: 0, release: 0.12,
};
const BELLS = {
  ...KEYS, a: [1, 0, 0, 0.15], b: [1], mix: 0.22, ratio: 2.756,
  attack: 0.002, fall: 1.2, fallB: 0.3, release: 0.35,
};
const MALLETS = { ...BELLS, b: [1, 0.2], mix: 0.18, ratio: 4, fall: 0.5, fallB: 0.06, release: 0.15 };
const PLUCKED = {
  ...KEYS, a: [1, 0.5, 0.3, 0.15, 0.1], b: [0.2, 0.5, 0.6, 0.6, 0.5, 0.4, 0.3, 0.2],
  attack: 0.003, fall: 0.9, fallB: 0.15, release: 0.1,
};
const BASS = { ...PLUCKED, a: [1, 0.45, 0.15, 0.08], mix: 0.2, attack: 0.005, fall: 1.2 };
const ORGAN = {
  a: [1, 0.5, 0.25, 0.15], b: [0.4, 0, 1, 0, 0, 0.4], mix: 0.25, ratio: 1,
  attack: 0.02, fall: 1, stay: 1, fallB: 1, stayB: 1, release: 0.07,
};
const STRINGS = {
  ...ORGAN, a: [1, 0.5, 0.33, 0.2, 0.12, 0.08], b: [1, 0.5, 0.33, 0.2, 0.12, 0.08], mix: 0.35, ratio: 1.003,
  attack: 0.09, stay: 0.85, stayB: 0.85, release: 0.25,
};
const BRASS = {
  ...ORGAN, a: [1, 0.7, 0.4, 0.2], b: [0.3, 0.6, 0.8, 0.7, 0.5, 0.4], mix: 0.35,
  attack: 0.04, fallB: 0.4, stayB: 0.5, release: 0.1,
};
const REED = {
  ...ORGAN, a: [1, 0.1, 0.6, 0.08, 0.3, 0.05, 0.15], b: [1, 0.4], mix: 0.3,
  attack: 0.035, stay: 0.9, release: 0.09,
};
const PIPE = {
  ...ORGAN, a: [1, 0.12, 0.06], b: [0, 1, 0.3], mix: 0.12,
  attack: 0.05, stay: 0.9, fallB: 0.3, stayB: 0.4, release: 0.12,
};
const LEAD = {
  ...ORGAN, a: [1, 0.5, 0.33, 0.25, 0.2, 0.16], b: [1, 0.4, 0.2], mix: 0.4, ratio: 1.002,
  attack: 0.008, stay: 0.8, release: 0.1,
};
const PAD = {
  ...STRINGS, a: [1, 0.4, 0.15, 0.08], b: [1, 0.3, 0.1], ratio: 1.004,
  attack: 0.25, stay: 1, stayB: 1, release: 0.5,
};

/** One colour for each family of eight programs of General MIDI. */
export const FAMILIES = [
  KEYS, BELLS, ORGAN, PLUCKED, BASS, STRINGS, STRINGS, BRASS, REED, PIPE, LEAD, PAD, PAD, PLUCKED, MALLETS, PAD,
];

/*
 * Drums: `tone` in hertz, beginning `sweep` times higher; `noise` how much of it; `bright` noise without its low end; seconds
 * to fall.
 */
const KICK = { tone: 55, sweep: 2.5, fall: 0.13, noise: 0.05, fallNoise: 0.01 };
const SNARE = { tone: 185, sweep: 1.3, fall: 0.07, noise: 0.6, fallNoise: 0.1 };
const HAT = { tone: 0, sweep: 1, fall: 0.01, noise: 0.5, fallNoise: 0.03, bright: true };
const CYMBAL = { ...HAT, fallNoise: 0.4 };
const CLAP = { ...HAT, bright: false, fallNoise: 0.07 };
const WOOD = { tone: 820, sweep: 1.1, fall: 0.04, noise: 0.05, fallNoise: 0.01 };
const tom = (tone) => ({ tone, sweep: 1.5, fall: 0.2, noise: 0.08, fallNoise: 0.03 });
const DRUMS = new Map([
  [35, KICK], [36, KICK], [37, WOOD], [38, SNARE], [39, CLAP], [40, SNARE], [41, tom(85)], [42, HAT], [43, tom(100)], [44, HAT],
  [45, tom(120)], [46, { ...HAT, fallNoise: 0.18 }], [47, tom(140)], [48, tom(165)], [49, CYMBAL], [50, tom(195)], [51, CYMBAL],
  [52, CYMBAL], [53, { ...WOOD, tone: 1250, fall: 0.3 }], [54, HAT], [55, CYMBAL], [57, CYMBAL], [59, CYMBAL],
  [69, HAT], [70, HAT], [82, HAT],
]);

/** What a key of channel 10 plays: a drum, or wood of its pitch. */
export const drum = (key) => DRUMS.get(key) ?? { ...WOOD, tone: 300 * 2 ** ((key - 60) / 16) };

/** One turn of a wave with these partials, its peak 1, and one sample more, equal to the first. */
export function wave(partials, most) {
  const turn = new Float32Array(TURN + 1);
  let peak = 0;
  for (let at = 0; at < TURN; at++) {
    const turned = (2 * Math.PI * at) / TURN;
    for (let n = 1; n <= Math.min(most, partials.length); n++) turn[at] += partials[n - 1] * Math.sin(n * turned);
    peak = Math.max(peak, Math.abs(turn[at]));
  }
  turn[TURN] = turn[0];
  return peak > 0 ? turn.map((value) => value / peak) : turn;
}

const made = new Map();

/** The wave with as many of these partials as fit below half the rate at `hertz`. */
export function fitting(partials, hertz, rate) {
  const room = Math.floor((0.45 * rate) / hertz);
  const most = MOST_PARTIALS.find((count) => count <= room) ?? 1;
  if (!made.has(partials)) made.set(partials, new Map(MOST_PARTIALS.map((count) => [count, wave(partials, count)])));
  return made.get(partials).get(most);
}

/** Make every wave now, so that no note has to wait for its own. */
export function prepare() {
  for (const { a, b } of FAMILIES) for (const partials of [a, b]) fitting(partials, 440, 48000);
}
