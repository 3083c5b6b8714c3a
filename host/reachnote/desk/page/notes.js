/** Names of notes: C D E, do re mi, or C D E with the German H. */

const NAMES = {
  letters: ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"],
  syllables: ["do", "do♯", "re", "mi♭", "mi", "fa", "fa♯", "sol", "la♭", "la", "si♭", "si"],
  german: ["C", "Cis", "D", "Es", "E", "F", "Fis", "G", "As", "A", "B", "H"],
};
export const STYLES = Object.keys(NAMES);

let style = STYLES[0];

/** Name notes like this from now on; what is no style is letters. */
export function name(wanted) {
  style = wanted in NAMES ? wanted : STYLES[0];
}

/** 60 -> "C4". @param {number} key */
export const noteName = (key) => `${NAMES[style][key % 12]}${Math.floor(key / 12) - 1}`;
