// Relative times that go on. The server writes them first, in the same words.

// The server's clock, as far as this page knows: its times are shown against it.
let skew = 0;

export function now() {
  return Date.now() / 1000 + skew;
}

export function keepTimes() {
  tick();
  setInterval(tick, 1000);
  document.addEventListener("visibilitychange", () => document.hidden || tick());
}

function tick() {
  if (document.hidden) return;
  refresh(document);
}

export function refresh(root) {
  const at = now();
  for (const element of root.querySelectorAll("time[data-live]")) {
    const seconds = Math.trunc(at - Date.parse(element.dateTime) / 1000);
    const text = element.dataset.live === "since" ? lasted(seconds) : relative(seconds, element.dateTime);
    if (element.firstChild?.data !== text) element.textContent = text;
    if (!element.dataset.local) {
      element.dataset.local = "1";
      element.title = `${exact(Date.parse(element.dateTime))}\n${element.title}`;
    }
  }
}

const exactForm = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

export function exact(ms) {
  return exactForm.format(ms);
}

export function relative(seconds, iso) {
  if (Math.abs(seconds) >= 45 * 86400) return iso.slice(0, 10);
  if (seconds >= 2) return `${lasted(seconds)} ago`;
  if (seconds >= 0) return "now";
  return `in ${lasted(-seconds)}`;
}

export function lasted(seconds) {
  const s = Math.max(0, seconds);
  const two = (large, unit, small, sub) => (small ? `${large} ${unit} ${small} ${sub}` : `${large} ${unit}`);
  if (s < 90) return `${s} s`;
  if (s < 5400) return `${Math.floor((s + 30) / 60)} min`;
  if (s < 36000) return two(Math.floor(s / 3600), "h", Math.floor((s % 3600) / 60), "min");
  if (s < 172800) return `${Math.floor((s + 1800) / 3600)} h`;
  if (s < 864000) return two(Math.floor(s / 86400), "d", Math.floor((s % 86400) / 3600), "h");
  return `${Math.floor((s + 43200) / 86400)} d`;
}
