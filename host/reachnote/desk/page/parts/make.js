/** Elements without innerHTML: text is always text. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. `facts` are attributes; `on...` functions are listeners, `text` its text, `style` is not allowed (the policy of
 * the page forbids it). Children that are null or false are left out.
 * @param {string} name
 * @param {Object<string, unknown>} [facts]
 * @param {...(Node|string|null|false|undefined)} children
 * @returns {HTMLElement}
 */
export const make = (name, facts = {}, ...children) => fill(document.createElement(name), facts, children);

/** The same in SVG. @returns {SVGElement} */
export const draw = (name, facts = {}, ...children) => fill(document.createElementNS(SVG, name), facts, children);

/** Text that comes from the session or a person: said as it is, in whatever language. */
export const said = (text, facts = {}) => make("span", { translate: "no", ...facts, text });

/** A button that does `act`. */
export const button = (text, act, facts = {}, ...children) =>
  make("button", { type: "button", class: "button", onclick: act, ...facts }, ...children, make("span", { text }));

function fill(element, facts, children) {
  for (const [key, value] of Object.entries(facts)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") element.textContent = String(value);
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Set text only where it is another one, so that a screen reader is not told twice. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
