/*
 * Before anything is drawn: how the page looks. What was chosen on this computer wins; otherwise the computer's own wishes.
 * Tell it of a change with `dispatchEvent(new Event("look"))`.
 */
(() => {
  const root = document.documentElement;
  const wishes = {
    high: matchMedia("(prefers-contrast: more)"),
    dark: matchMedia("(prefers-color-scheme: dark)"),
    still: matchMedia("(prefers-reduced-motion: reduce)"),
  };
  const kept = (name) => {
    try {
      return localStorage.getItem(`reachnote-${name}`) ?? "";
    } catch {
      return ""; // storage is switched off: the page looks as the computer wishes
    }
  };
  const apply = () => {
    root.dataset.look = kept("look") || (wishes.high.matches ? "high" : wishes.dark.matches ? "dark" : "light");
    root.dataset.text = kept("text") || "100";
    root.dataset.motion = kept("motion") || (wishes.still.matches ? "still" : "moves");
    fit();
  };
  // One question for zoom and large text alike: does the page have the room that it was drawn for?
  const fit = () => {
    const rem = (16 * Number(root.dataset.text)) / 100;
    root.dataset.room = innerWidth / rem >= 75 && innerHeight / rem >= 40 ? "wide" : "small";
  };
  for (const wish of Object.values(wishes)) wish.addEventListener("change", apply);
  addEventListener("look", apply);
  addEventListener("storage", apply);
  addEventListener("resize", fit);
  apply();
})();
