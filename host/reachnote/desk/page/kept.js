/** What is kept on this computer: how the page looks and speaks, and the counts of a session until the page closes. Never a name. */

/** @returns {string} "" where nothing was kept, or nothing may be */
export function kept(name, where = localStorage) {
  try {
    return where.getItem(`reachnote-${name}`) ?? "";
  } catch {
    return "";
  }
}

/** Keep it; "" forgets it. */
export function keep(name, value, where = localStorage) {
  try {
    if (value) where.setItem(`reachnote-${name}`, value);
    else where.removeItem(`reachnote-${name}`);
  } catch {
    // it holds until the page is closed
  }
}
