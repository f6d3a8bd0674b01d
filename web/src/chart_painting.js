// What is painted on the chart beside the line of values: states, ticks without a run, the week before, texts and thresholds.
import { numeric } from "./chart_axes.js";
import { shortOfText, whole } from "./numbers.js";

// So many texts have a lane of their own; the others share one.
const LANES = 6;
const STRIP = 7;
const stateInk = { OK: "--ok", ALARM: "--alarm", ERROR: "--error", INACTIVE: "--line-strong" };

export const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// The strip of states below, with tints behind what is wrong, ticks without a run, and changes of state.
export function states(u, data) {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  const dpr = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height + STRIP * dpr + 1);
  ctx.clip();
  const x = (t) => u.valToPos(t, "x", true);
  for (const [from, to, state] of data.bands) {
    const a = x(from);
    const b = Math.max(a + dpr, x(to));
    if (state === "ALARM" || state === "ERROR") {
      ctx.fillStyle = ink(state === "ALARM" ? "--alarm-tint" : "--error-tint");
      ctx.globalAlpha = 0.6;
      ctx.fillRect(a, top, b - a, height);
      ctx.globalAlpha = 1;
    }
    ctx.fillStyle = ink(stateInk[state]);
    ctx.fillRect(a, top + height - STRIP * dpr, b - a, STRIP * dpr);
  }
  for (const [from, to] of data.gaps) hatch(ctx, x(from), top, Math.max(3 * dpr, x(to) - x(from)), height - STRIP * dpr, dpr);
  ctx.setLineDash([3 * dpr, 3 * dpr]);
  ctx.lineWidth = dpr;
  for (const [at, , state] of data.flips) {
    ctx.strokeStyle = ink(stateInk[state]);
    const a = Math.round(x(at)) + 0.5;
    ctx.beginPath();
    ctx.moveTo(a, top);
    ctx.lineTo(a, top + height);
    ctx.stroke();
  }
  ctx.restore();
}

// The same time by the clock, a week earlier: a line of dots behind the value.
export function weekBefore(u, data, power) {
  if (!data.week_before) return;
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  const dpr = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.strokeStyle = ink("--ink-soft");
  ctx.globalAlpha = 0.75;
  ctx.lineWidth = 1.4 * dpr;
  ctx.lineCap = ctx.lineJoin = "round";
  ctx.setLineDash([1 * dpr, 4 * dpr]);
  ctx.beginPath();
  let begun = false;
  for (const [at, value] of data.week_before) {
    const y = value == null ? 0 : u.valToPos(value / 10 ** power, "y", true);
    const x = u.valToPos(at, "x", true);
    if (value != null && begun) ctx.lineTo(x, y);
    else if (value != null) {
      ctx.moveTo(x, y);
      // One alone is a dot.
      ctx.lineTo(x + dpr, y);
    }
    begun = value != null;
  }
  ctx.stroke();
  ctx.restore();
}

// Ticks without a run: stripes below an edge, so that they are seen without colour, too.
function hatch(ctx, left, top, width, height, dpr) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.fillStyle = ink("--warn-tint");
  ctx.fillRect(left, top, width, height);
  ctx.strokeStyle = ink("--warn");
  ctx.globalAlpha = 0.45;
  ctx.lineWidth = dpr;
  ctx.beginPath();
  for (let at = left - height; at < left + width; at += 6 * dpr) {
    ctx.moveTo(at, top + height);
    ctx.lineTo(at + height, top);
  }
  ctx.stroke();
  ctx.globalAlpha = 1;
  ctx.fillStyle = ink("--warn");
  ctx.fillRect(left, top, width, 3 * dpr);
  ctx.restore();
}

// Text values are bars, one lane for each text. A bar says its text where there is room; in each lane the longest does
// in any case.
export function texts(u, data) {
  if (!data.texts.length) return;
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  const dpr = devicePixelRatio;
  const shown = lanes(data.texts);
  const room = numeric(data) ? 18 * dpr : Math.min(36 * dpr, (height - (STRIP + 4) * dpr) / shown.length);
  const floor = top + height - (STRIP + 3) * dpr;
  const short = (text) => shortOfText(text, data) ?? (text.length > 40 ? `${text.slice(0, 40)}…` : text);
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.font = `${11 * dpr}px system-ui, sans-serif`;
  ctx.textBaseline = "middle";
  // The axes left it at their own.
  ctx.textAlign = "left";
  shown.forEach(({ name, bands }, lane) => {
    const y = floor - (lane + 1) * room;
    const place = ([from, to]) => [Math.max(left, u.valToPos(from, "x", true)), Math.min(left + width, u.valToPos(to, "x", true))];
    const seen = bands.map((band) => [...place(band), band[2] ?? "changing"]).filter(([a, b]) => b > left && a < left + width);
    ctx.fillStyle = ink("--selection");
    for (const [a, b] of seen) ctx.fillRect(a, y + 2 * dpr, Math.max(dpr, b - a - dpr), room - 4 * dpr);
    ctx.fillStyle = ink("--ink");
    let said = false;
    for (const [a, b, text] of seen) {
      if (ctx.measureText(short(text)).width + 8 * dpr >= b - a) continue;
      ctx.fillText(short(text), a + 4 * dpr, y + room / 2);
      said = true;
    }
    if (said || !seen.length) return;
    const [a, b] = seen.reduce((one, other) => (other[1] - other[0] > one[1] - one[0] ? other : one));
    const length = ctx.measureText(short(name)).width;
    ctx.fillText(short(name), a + length + 8 * dpr < left + width ? a + 4 * dpr : b - length - 4 * dpr, y + room / 2);
  });
  ctx.restore();
}

// What the script compares its value with: a dashed line where it stood, with its number at the right.
export function thresholds(u, data, power) {
  if (!data.thresholds.length || !numeric(data)) return;
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  const dpr = devicePixelRatio;
  const place = (value) => u.valToPos(value / 10 ** power, "y", true);
  const floor = top + height - STRIP * dpr;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.strokeStyle = ctx.fillStyle = ink("--warn");
  ctx.lineWidth = 1.5 * dpr;
  ctx.setLineDash([7 * dpr, 4 * dpr]);
  for (const [from, to, value] of data.thresholds) {
    const y = place(value);
    if (y < top || y > floor) continue;
    ctx.beginPath();
    ctx.moveTo(u.valToPos(from, "x", true), y);
    ctx.lineTo(u.valToPos(to, "x", true), y);
    ctx.stroke();
  }
  const [, to, value] = data.thresholds.at(-1);
  const y = place(value);
  const beyond = y < top ? " ↑" : y > floor ? " ↓" : "";
  ctx.font = `${11 * dpr}px system-ui, sans-serif`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  const above = y - 8 * dpr;
  const at = Math.min(floor - 8 * dpr, Math.max(top + 8 * dpr, above < top + 8 * dpr && !beyond ? y + 9 * dpr : above));
  const words = `threshold ${whole(value, data)}${beyond}`;
  const right = Math.min(left + width - 4 * dpr, Math.max(u.valToPos(to, "x", true), left + ctx.measureText(words).width + 4 * dpr));
  // Lines that it would stand on stay behind it.
  ctx.lineWidth = 3 * dpr;
  ctx.setLineDash([]);
  ctx.lineJoin = "round";
  ctx.strokeStyle = ink("--ground");
  ctx.strokeText(words, right, at);
  ctx.fillText(words, right, at);
  ctx.restore();
}

// The newest text has a lane of its own, then what stood longest, of equals the newer; the others share the last one,
// where they can: no two stand at one time.
function lanes(texts) {
  const found = new Map();
  for (const band of texts) {
    const name = band[2] ?? "changing";
    if (!found.has(name)) found.set(name, { name, bands: [], length: 0 });
    const lane = found.get(name);
    lane.bands.push(band);
    lane.length += band[1] - band[0];
  }
  const last = (lane) => lane.bands.at(-1)[0];
  const newest = Math.max(...[...found.values()].map(last));
  const all = [...found.values()].sort(
    (one, other) => (last(other) === newest) - (last(one) === newest) || other.length - one.length || last(other) - last(one),
  );
  const rest = all.splice(LANES);
  if (rest.length) all.push({ name: "others", bands: rest.flatMap(({ bands }) => bands) });
  return all;
}
