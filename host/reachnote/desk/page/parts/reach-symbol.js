/** A client's symbol: a shape in a colour, and both in words, so that neither has to be seen. */

import { SHAPES, shape } from "./shapes.js";
import { t } from "./reach-words.js";

const COLOURS = ["blue", "orange", "green", "purple", "pink", "brown", "teal", "grey"];

/** @param {{shape: string, colour: string}} symbol */
export const symbolDrawing = (symbol) =>
  shape(Math.max(SHAPES.indexOf(symbol.shape), 0), { class: `shape ink-${Math.max(COLOURS.indexOf(symbol.colour), 0)}` });

/** "Teal star". @param {{shape: string, colour: string}} symbol */
export const symbolWords = (symbol) =>
  t("client.symbol", { colour: t(`client.colour.${symbol.colour}`), shape: t(`client.shape.${symbol.shape}`) });

/** The clients with `words` for each: a number tells apart those that share a symbol. */
export function told(clients) {
  const seen = new Map();
  return clients.map((client) => {
    const words = symbolWords(client.symbol);
    const n = (seen.get(words) ?? 0) + 1;
    seen.set(words, n);
    return { ...client, words: n > 1 ? `${words} ${n}` : words };
  });
}
