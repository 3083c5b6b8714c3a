/**
 * The message catalogue. Every sentence of the page is in words/en-GB.json; other languages have the same keys.
 * `?words=pseudo` shows every sentence of the catalogue in brackets and with accents, so that what is not in it stands out.
 */

export const LANGUAGES = { "en-GB": "English", de: "Deutsch" };
const SOURCE = "en-GB";
const ACCENTS = Object.fromEntries([..."aeiouyAEIOUYcnszCNSZ"].map((letter, n) => [letter, [..."áéíóúýÁÉÍÓÚÝçñšžÇÑŠŽ"][n]]));

let messages = {};
let language = SOURCE;
let pseudo = false;
let plurals = new Intl.PluralRules(SOURCE);

/** Fetch the catalogue of a language, "pseudo" or "". Unknown ones are English. */
export async function load(wanted) {
  pseudo = wanted === "pseudo";
  language = wanted in LANGUAGES ? wanted : SOURCE;
  plurals = new Intl.PluralRules(language);
  messages = await (await fetch(`words/${language}.json`)).json();
  document.documentElement.lang = language;
}

/** The language that is shown. */
export const shown = () => language;

/** True where the catalogue has that key. */
export const has = (key) => key in messages;

/**
 * A sentence. `{name}` in it becomes values.name; one with "one" and "other" is chosen by values.n.
 * @param {string} key
 * @param {Object<string, string|number>} [values]
 */
export function t(key, values = {}) {
  let text = messages[key] ?? key;
  if (typeof text === "object") text = text[plurals.select(values.n)] ?? text.other;
  if (pseudo) return `⟦${text.split(/(\{\w+\})/).map((part) => (part[0] === "{" ? put(part, values) : accented(part))).join("")}⟧`;
  return text.replace(/\{\w+\}/g, (name) => put(name, values));
}

const put = (name, values) => String(values[name.slice(1, -1)] ?? name);
const accented = (text) => text.replace(/[a-zA-Z]/g, (letter) => ACCENTS[letter] ?? letter);
