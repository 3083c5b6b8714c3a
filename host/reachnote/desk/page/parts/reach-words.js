/**
 * The sentences of Client and Reach: words/reach.LANGUAGE.json beside the frame's own catalogue, told the same way. What the
 * session says in English is looked up there too (`said`), so that a calibration can be followed in the page's language.
 */

import { has, shown, t as frame } from "../words.js";

const SOURCE = "en-GB";
let messages = {};
let translated = {};
let language = "";
let plurals = new Intl.PluralRules(SOURCE);

/** Fetch what the page's language needs. To be awaited before `t`; again after the language was changed. */
export async function ready() {
  const wanted = shown();
  if (language === wanted) return;
  const answer = await fetch(`words/reach.${wanted}.json`);
  const found = await (answer.ok ? answer : await fetch(`words/reach.${SOURCE}.json`)).json();
  ({ said: translated = {}, ...messages } = found);
  language = wanted;
  plurals = new Intl.PluralRules(wanted);
}

/**
 * A sentence, as `t` of the frame.
 * @param {string} key
 * @param {Object<string, string|number>} [values]
 */
export function t(key, values = {}) {
  if (has(key)) return frame(key, values);
  const found = messages[key] ?? key;
  const text = typeof found === "object" ? (found[plurals.select(values.n)] ?? found.other) : found;
  return frame(text, values); // the frame puts the values in, and shows the pseudo language
}

/** @returns {{text: string, lang?: string}} what the session said, in the page's language where that is known */
export function said(text) {
  const known = translated[text];
  return known ? { text: known } : { text, lang: SOURCE };
}
