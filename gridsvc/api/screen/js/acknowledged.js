/** What was acknowledged at this desk. Kept in the browser and shared by its tabs; another desk acknowledges for itself. */

const KEPT = "gridsvc.acknowledged";
const KEPT_MOST = 2_000;

let keys = read();
let listener = () => {};

function read() {
  try {
    return new Set(JSON.parse(localStorage.getItem(KEPT)) ?? []);
  } catch {
    return new Set(); // storage may be forbidden
  }
}

/** Call `onChange` when another tab has acknowledged something. */
export function startAcknowledged(onChange) {
  listener = onChange;
  addEventListener("storage", (event) => {
    if (event.key !== KEPT) return;
    keys = read();
    listener();
  });
}

export const isAcknowledged = (key) => keys.has(key);

export function acknowledge(added) {
  keys = new Set([...read(), ...keys, ...added].slice(-KEPT_MOST));
  try {
    localStorage.setItem(KEPT, JSON.stringify([...keys]));
  } catch { /* then only until the page is left */ }
  listener();
}
