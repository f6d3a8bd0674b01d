// Whose turn it is to hold a stream. A browser keeps six connections to a server for all its tabs: many windows side by
// side, each with a stream for good, would leave none to load anything with. So a few have one, and say so where all see
// it; the others ask now and then. Where nothing can be said, everybody has one.

const MOST = 3;
// A tab that has not said anything for so long is gone.
const STALE_MS = 15_000;
const PREFIX = "revere-stream:";

const me = `${PREFIX}${Math.random().toString(36).slice(2)}`;
let since = 0;

// Says that this tab wants one, or still does.
export function ask() {
  since ||= Date.now();
  try {
    localStorage.setItem(me, JSON.stringify({ since, at: Date.now() }));
  } catch {
    // A browser that keeps nothing.
  }
}

export function giveUp() {
  since = 0;
  try {
    localStorage.removeItem(me);
  } catch {
    // As above.
  }
}

// Whether this tab is among the first that want one.
export function mine() {
  try {
    const waiting = [];
    for (const key of Object.keys(localStorage).filter((key) => key.startsWith(PREFIX))) {
      const { since, at } = JSON.parse(localStorage.getItem(key));
      if (Date.now() - at > STALE_MS) localStorage.removeItem(key);
      else waiting.push([since, key]);
    }
    waiting.sort(([a, one], [b, other]) => a - b || (one < other ? -1 : 1));
    const place = waiting.findIndex(([, key]) => key === me);
    return place < MOST;
  } catch {
    return true;
  }
}
