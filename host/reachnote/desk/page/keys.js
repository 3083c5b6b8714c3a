/** The keys of the whole page. Esc comes before everything else, whatever has the focus. */

const TYPING = "input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]";
const PRESSABLE = "button, a[href], summary, input, textarea, select, [tabindex='0']";

/**
 * @param {Object<string, () => void>} acts by name: silence, pause, help, check, undo, redo, easier, harder, mark, hide and
 *   screen(number); where a screen has them, moment and scan(event), which is true where the key was the one switch of scanning
 * @param {() => {letters: boolean, locked: boolean}} now
 */
export function listen(acts, now) {
  addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Escape") {
        if (!event.repeat) acts.silence();
        return;
      }
      if (acts.scan?.(event)) return;
      const act = now().locked ? locked(event, acts) : meant(event, acts, now().letters);
      if (!act) return;
      event.preventDefault();
      if (!event.repeat) act();
    },
    { capture: true },
  );
}

function locked(event, acts) {
  return event.key === " " && !event.target.closest?.(PRESSABLE) ? acts.pause : null;
}

function meant(event, acts, letters) {
  const typing = event.target.closest?.(TYPING);
  const held = event.ctrlKey || event.metaKey;
  if (event.key === "F1") return acts.help;
  if (event.key === "F5" && !held && !event.shiftKey) return acts.check;
  if ((held || event.altKey) && /^[1-5]$/.test(event.key)) return () => acts.screen(Number(event.key));
  if (typing) return null;
  if (held && event.key.toLowerCase() === "z") return event.shiftKey ? acts.redo : acts.undo;
  if (held || event.altKey) return null;
  if (event.key === " ") return event.target.closest?.(PRESSABLE) ? null : acts.pause;
  if (!letters) return null;
  const one = { "?": acts.help, "-": acts.easier, "−": acts.easier, "+": acts.harder, "=": acts.harder, m: acts.mark, h: acts.hide, r: acts.moment };
  return one[event.key.toLowerCase()] ?? null;
}
