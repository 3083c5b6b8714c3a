/** A small synthesizer: MIDI messages in, sound out. It starts quiet. Pure: no clock, no page, runs anywhere. */

import { FAMILIES, prepare } from "./colours.js";
import { CEILING } from "./limiter.js";
import { Drum, Voice } from "./voice.js";

export const VOICES = 24;
/** The loudest that one note gets. */
export const NOTE = 0.25;
/** How much of its loudness a first note has, and of the ceiling all of them together. */
export const START = 0.25;
/** Seconds of sounding until notes begin at their whole loudness. */
export const RAMP_S = 3;

const DRUMS = 9;
const DRUM_OFF_S = 0.03;
const ENDING = 8; // voices that may still be making room, beyond VOICES
const [DATA, VOLUME, EXPRESSION, PEDAL, PARAMETER_FINE, PARAMETER] = [6, 7, 11, 64, 100, 101];
const [SOUND_OFF, RESET_CONTROLS, NOTES_OFF] = [120, 121, 123];

/** How much of itself a note has that begins after `sounded` seconds of sound: START at first, 1 after RAMP_S. */
export const rampAt = (sounded) => START ** (1 - Math.min(1, sounded / RAMP_S));

/** Which of `voices` makes room for a new one: one that was let go of before one that is held, the weaker, the older. */
export function roomFrom(voices) {
  const free = voices.filter((voice) => !voice.held && !voice.leaving);
  if (free.length) return free.reduce((weakest, voice) => (voice.strength < weakest.strength ? voice : weakest));
  return voices.find((voice) => !voice.leaving);
}

class Channel {
  program = 0;
  volume = 100;
  expression = 127;
  pedal = false;
  bend = 0; // -1 .. 1
  range = 2; // semitones
  parameter = [127, 127];
  loud; // where it is now
  turned;

  /** @param {Channel} [former] what sounds there goes on from where it is */
  constructor(former) {
    this.loud = former?.loud ?? 0;
    this.turned = former?.turned ?? 1;
  }

  get loudness() {
    return ((this.volume * this.expression) / (127 * 127)) ** 2;
  }

  get turn() {
    return 2 ** ((this.bend * this.range) / 12);
  }
}

export class Synth {
  /** Those that sound, the oldest first. */
  voices = [];
  #channels;
  #rate;
  #sounded = 0;
  #pedalled = new Set();

  /** @param {number} rate samples a second */
  constructor(rate) {
    this.#rate = rate;
    this.reset();
    prepare();
  }

  /** What all of it together may reach now. */
  get ceiling() {
    return CEILING * rampAt(this.#sounded);
  }

  /** Every channel as it was before anything was said; what sounds goes on. */
  reset() {
    this.#channels = Array.from({ length: 16 }, (_, number) => new Channel(this.#channels?.[number]));
  }

  /** Nothing sounds, and the next note is a first one. */
  drop() {
    this.voices = [];
    this.#pedalled.clear();
    this.#sounded = 0;
  }

  /** One MIDI message. Without `begin` no note begins. */
  take(status, a, b, begin = true) {
    const number = status & 15;
    const channel = this.#channels[number];
    const kind = status & 0xf0;
    if (kind === 0x90 && b > 0) {
      if (begin) this.#on(number, a & 127, Math.min(b, 127));
    } else if (kind === 0x80 || kind === 0x90) {
      this.#off(number, a);
    } else if (kind === 0xb0) {
      this.#control(number, channel, a, b);
    } else if (kind === 0xc0) {
      channel.program = a & 127;
    } else if (kind === 0xe0) {
      channel.bend = (a + 128 * b - 8192) / 8192;
    }
  }

  /** The next samples of all voices together. */
  render(sound) {
    sound.fill(0);
    if (this.voices.length) this.#sounded += sound.length / this.#rate;
    for (const [number, channel] of this.#channels.entries()) {
      const { loud, turned } = channel;
      channel.loud += (channel.loudness - loud) * 0.25;
      channel.turned += (channel.turn - turned) * 0.5;
      for (const voice of this.voices) if (voice.channel === number) voice.render(sound, loud, channel.loud, channel.turned);
    }
    if (this.voices.some((voice) => voice.over)) this.voices = this.voices.filter((voice) => !voice.over);
  }

  #on(number, key, velocity) {
    const channel = this.#channels[number];
    if (!this.voices.some((voice) => voice.channel === number)) {
      channel.loud = channel.loudness;
      channel.turned = channel.turn;
    }
    for (const voice of this.voices) if (voice.channel === number && voice.key === key && !voice.leaving) this.#leave(voice);
    if (this.voices.filter((voice) => !voice.leaving).length >= VOICES) this.#leave(roomFrom(this.voices));
    if (this.voices.length >= VOICES + ENDING) this.voices.splice(this.voices.findIndex((voice) => voice.leaving), 1);
    // A note keeps the loudness that it began with: a first note that is held for long grows no louder.
    const level = NOTE * rampAt(this.#sounded) * (velocity / 127) ** 1.5;
    const colour = FAMILIES[channel.program >> 3];
    const drum = number === DRUMS;
    this.voices.push(drum ? new Drum(number, key, level, this.#rate) : new Voice(number, key, level, colour, this.#rate));
  }

  #leave(voice) {
    this.#pedalled.delete(voice);
    voice.leave();
  }

  #off(number, key) {
    for (const voice of this.voices) {
      if (voice.channel !== number || voice.key !== key || !voice.held) continue;
      if (this.#channels[number].pedal) this.#pedalled.add(voice);
      else voice.off();
    }
  }

  #end(voice) {
    if (voice instanceof Drum) voice.fall(DRUM_OFF_S);
    else this.#off(voice.channel, voice.key);
  }

  #control(number, channel, control, value) {
    if (control === VOLUME) channel.volume = value;
    else if (control === EXPRESSION) channel.expression = value;
    else if (control === PEDAL) this.#pedal(number, channel, value >= 64);
    else if (control === PARAMETER) channel.parameter[0] = value;
    else if (control === PARAMETER_FINE) channel.parameter[1] = value;
    else if (control === DATA && channel.parameter[0] === 0 && channel.parameter[1] === 0) channel.range = Math.min(value, 96);
    else if (control === SOUND_OFF) this.#all(number, (voice) => this.#leave(voice));
    else if (control === NOTES_OFF) this.#all(number, (voice) => this.#end(voice));
    else if (control === RESET_CONTROLS) {
      channel.expression = 127;
      channel.bend = 0;
      this.#pedal(number, channel, false);
    }
  }

  #all(number, act) {
    for (const voice of this.voices) if (voice.channel === number) act(voice);
  }

  #pedal(number, channel, down) {
    channel.pedal = down;
    if (down) return;
    for (const voice of [...this.#pedalled]) {
      if (voice.channel !== number) continue;
      this.#pedalled.delete(voice);
      if (!voice.leaving) voice.off();
    }
  }
}
