// Relative times that go on, with the exact one in the zone of the page. The server writes them first, in the same words.
import { exact, farDay, pageZone } from "./clock.js";

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
    const ms = Date.parse(element.dateTime);
    const seconds = Math.trunc(at - ms / 1000);
    const kind = element.dataset.live;
    const text = kind === "since" ? lasted(seconds) : relative(seconds, ms, pageZone());
    if (kind !== "clock" && element.firstChild?.data !== text) element.textContent = text;
    const whole = exact(ms, pageZone());
    const title = kind === "clock" ? `${text}\n${whole}` : kind === "since" ? `since ${whole}` : whole;
    if (element.title !== title) element.title = title;
  }
}

// Far away it is a day, by the clock of the page.
export function relative(seconds, ms, zone) {
  if (Math.abs(seconds) >= 45 * 86400) return farDay(ms, zone);
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
