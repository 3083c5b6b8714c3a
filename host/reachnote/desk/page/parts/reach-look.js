/** Brings reach-look.css, once, before Client or Reach is drawn. */

let brought = null;

/** @returns {Promise<void>} when it is there, or cannot be had */
export function look() {
  brought ??= new Promise((resolve) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = "parts/reach-look.css";
    link.addEventListener("load", () => resolve());
    link.addEventListener("error", () => resolve());
    document.head.append(link);
  });
  return brought;
}
