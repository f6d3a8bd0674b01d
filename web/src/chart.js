// The chart of a monitor: value, states as a strip, changes of state and ticks without a run as marks. What is seen of it
// stands in the address: a range that ends now, or a stretch of time that was zoomed into by dragging or by its buttons.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./chart.css";
import { clock, day, exact, pageZone } from "./clock.js";
import { axisLabels, shortOfText, whole } from "./numbers.js";

const over = { "1h": "the last hour", "24h": "the last 24 hours", "7d": "the last 7 days", "30d": "the last 30 days", all: "all that is kept" };
// So many texts have a lane of their own; the others share one.
const LANES = 6;
// Closer than this there is nothing more to see, in seconds.
const CLOSEST = 10;
// A threshold that would make the values so many times flatter is said at the edge it lies beyond.
const PRESSED = 4;
// A finger that moved so far across draws a stretch, in pixels.
const ACROSS = 8;
// A second click within this makes it a double one.
const TWICE_MS = 400;
// The clock that the times are read from.
const zone = pageZone();

const box = document.querySelector("[data-chart]");
if (box) start(box);

function start(box) {
  let plot;
  let data;
  let range = box.dataset.rangeNow;
  let window_ = box.dataset.from ? [Number(box.dataset.from), Number(box.dataset.to)] : null;
  let week = "lastWeek" in box.dataset;
  let number = 0;
  // What is drawn are the values divided by ten to this power: an axis of 10 to the 308 has no ticks.
  let power = 0;
  // Two fingers hold the chart: what comes meanwhile is drawn below them.
  let pinched = false;
  let opening;
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  const hint = document.querySelector("[data-chart-hint]");
  const out = document.querySelector("[data-zoom-out]");
  const steps = document.querySelector("[data-chart-steps]");
  const weekLink = document.querySelector("[data-last-week-link]");

  // The address of what is seen, below that of the page.
  function query(seen) {
    return new URLSearchParams({ ...seen, ...(week ? { last_week: "true" } : {}) });
  }
  function remember() {
    const seen = window_ ? { range, from: window_[0], to: window_[1] } : { range };
    history.replaceState(null, "", `${location.pathname}?${query(seen)}`);
  }

  async function load() {
    const mine = ++number;
    const points = String(Math.min(4000, Math.round(box.clientWidth * 2)));
    const asked = query({ points, ...(window_ ? { from: window_[0], to: window_[1] } : { range }) });
    const answer = await fetch(`${box.dataset.chart}?${asked}`).catch(() => null);
    const came = answer?.ok && (await answer.json().catch(() => null));
    // Another one was asked for meanwhile.
    if (!came || mine !== number) return;
    data = came;
    box.setAttribute("aria-label", `Chart of the value over ${window_ ? stretch() : over[range]}: ${data.words}`);
    mark();
    draw();
  }

  function stretch() {
    const [from, to] = window_.map((at) => exact(at * 1000, zone));
    return `the time from ${from} to ${to}`;
  }

  // Shows a stretch of time, in whole seconds, as the address has it: what is there of it at once, the rest when it comes.
  function zoom(from, to) {
    window_ = [Math.floor(from), Math.max(Math.ceil(to), Math.floor(from) + 1)];
    plot?.setScale("x", { min: window_[0], max: window_[1] });
    remember();
    mark();
    load();
  }

  // Closer to the middle, or half of what is seen to either side; never beyond now.
  function step(how) {
    const [from, to] = window_ ?? [data.from, data.to];
    const half = (to - from) / 2;
    if (how === "in") return zoom(from + half / 2, to - half / 2);
    const by = how === "earlier" ? -half : Math.min(half, Date.now() / 1000 - to);
    zoom(from + by, to + by);
  }

  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const stateInk = { OK: "--ok", ALARM: "--alarm", ERROR: "--error", INACTIVE: "--line-strong" };
  const strip = 7;

  function under(u) {
    const { ctx } = u;
    const { left, top, width, height } = u.bbox;
    const dpr = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height + strip * dpr + 1);
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
      ctx.fillRect(a, top + height - strip * dpr, b - a, strip * dpr);
    }
    for (const [from, to] of data.gaps) hatch(ctx, x(from), top, Math.max(3 * dpr, x(to) - x(from)), height - strip * dpr, dpr);
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
  function ghost(u) {
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
  function words(u) {
    if (!data.texts.length) return;
    const { ctx } = u;
    const { left, top, width, height } = u.bbox;
    const dpr = devicePixelRatio;
    const shown = lanes(data.texts);
    const room = numeric() ? 18 * dpr : Math.min(36 * dpr, (height - (strip + 4) * dpr) / shown.length);
    const floor = top + height - (strip + 3) * dpr;
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
  function thresholds(u) {
    if (!data.thresholds.length || !numeric()) return;
    const { ctx } = u;
    const { left, top, width, height } = u.bbox;
    const dpr = devicePixelRatio;
    const place = (value) => u.valToPos(value / 10 ** power, "y", true);
    const floor = top + height - strip * dpr;
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

  // The values of the week before, as they are drawn.
  function ghosts() {
    return (data.week_before ?? []).flatMap(([, value]) => (value == null ? [] : [value / 10 ** power]));
  }

  // The values' own range and that of the week before, with the thresholds that do not press them into a line.
  function withThresholds(min, max) {
    for (const one of ghosts()) [min, max] = [Math.min(min ?? one, one), Math.max(max ?? one, one)];
    if (min == null || max == null) return [min, max];
    let [low, high] = [min, max];
    for (const [, , value] of data.thresholds) {
      const scaled = value / 10 ** power;
      if (max > min && (Math.max(max, scaled) - Math.min(min, scaled)) / (max - min) > PRESSED) continue;
      [low, high] = [Math.min(low, scaled), Math.max(high, scaled)];
    }
    return [low, high];
  }

  // Below the lowest value lies room for the strip; numbers that mean nothing are left out of it.
  function lowest() {
    return [...data.values, ...ghosts()].every((value) => value == null || value >= 0) ? 0 : -Infinity;
  }

  function numeric() {
    return data.values.some((value) => value != null) || ghosts().length > 0;
  }

  // What the pointer is at when it did not draw a stretch: the run nearest to it.
  function open(u) {
    const { left, idx } = u.cursor;
    if (left == null || left < 0 || !data.runs) return;
    const at = idx != null && data.times.length ? data.times[idx] : u.posToVal(left, "x");
    location.assign(`${box.dataset.runAt}?at=${at}`);
  }

  // Of an axis that has room for the strip below zero, only what can be.
  function labels(ticks) {
    if (!numeric()) return ticks.map(() => "");
    return axisLabels(ticks, data, power).map((label, index) => (ticks[index] >= lowest() ? label : ""));
  }

  function room(u, texts) {
    const longest = Math.max(0, ...(texts ?? []).map((text) => text.length));
    return Math.max(40, 16 + 6.5 * longest);
  }

  function draw() {
    // Not while somebody zooms: what they point at stays where it is.
    if (!window_) box.classList.toggle("flat", !numeric() && !data.texts.length);
    box.querySelector(".still")?.remove();
    box.querySelector(".nothing")?.remove();
    if (!data.runs && !data.gaps.length && !numeric()) {
      plot?.destroy();
      plot = null;
      pinched = false;
      const nothing = document.createElement("p");
      nothing.className = "nothing";
      nothing.textContent = "No run in this time.";
      box.append(nothing);
      return;
    }
    power = powerOf([...data.values, ...(data.week_before ?? []).map(([, value]) => value)]);
    const scaled = power ? data.values.map((value) => (value == null ? null : value / 10 ** power)) : data.values;
    const series = [data.times.length ? data.times : [data.from, data.to], data.times.length ? scaled : [null, null]];
    const scale = { min: data.from, max: data.to };
    if (plot) {
      plot.setData(series, false);
      // As uPlot draws it with a scale that stays, too.
      plot.setScale("x", pinched ? { min: plot.scales.x.min, max: plot.scales.x.max } : scale);
      return;
    }
    const axis = { stroke: () => ink("--ink-soft"), grid: { stroke: () => ink("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    plot = new uPlot(
      {
        width: box.clientWidth - 8,
        height: box.clientHeight - 8,
        legend: { show: false },
        cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 }, y: false },
        tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), zone),
        scales: { x: { time: true, range: (_, min, max) => [min, max] }, y: { range: (_, min, max) => around(...withThresholds(min, max)) } },
        axes: [
          { ...axis, size: 40, space: 70, values: times, label: zone, labelSize: 16, labelGap: 0, labelFont: "11px system-ui, sans-serif" },
          { ...axis, size: room, values: (_, ticks) => labels(ticks), grid: { ...axis.grid, show: numeric() } },
        ],
        series: [{}, { stroke: () => ink("--chart"), width: 1.4, spanGaps: false, points: { show: (u) => u.data[0].length < 80, size: 4 } }],
        hooks: {
          drawAxes: [under, ghost],
          draw: [words, thresholds],
          setCursor: [point],
          setSelect: [
            (u) => {
              if (u.select.width < 4) return;
              const seen = [u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x")];
              u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
              zoom(...seen);
            },
          ],
        },
      },
      series,
      box,
    );
    plot.setScale("x", scale);
    fingers(plot);
    plot.over.addEventListener("mouseleave", () => (tip.hidden = true));
    let pressed = 0;
    plot.over.addEventListener("mousedown", (event) => (pressed = event.clientX));
    plot.over.addEventListener("click", (event) => {
      // Not the second of two, which zooms out, nor the end of a stretch that was drawn.
      clearTimeout(opening);
      if (Math.abs(event.clientX - pressed) > 3 || event.detail > 1) return;
      opening = setTimeout(() => open(plot), window_ ? TWICE_MS : 0);
    });
    box.append(tip);
  }

  // One finger that moves across draws a stretch, two that part or meet zoom; one that moves up or down scrolls the page,
  // which the browser does by itself.
  function fingers(u) {
    const down = new Map();
    let begin = null;
    let held = null;
    const place = (event) => event.clientX - u.over.getBoundingClientRect().left;
    const clear = () => u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    const at = (x) => u.posToVal(x, "x");
    u.over.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "touch") return;
      down.set(event.pointerId, place(event));
      u.over.setPointerCapture(event.pointerId);
      begin = down.size === 1 ? place(event) : null;
      if (down.size !== 2) return;
      clear();
      held = [...down].map(([id, x]) => ({ id, time: at(x) }));
      pinched = true;
    });
    u.over.addEventListener("pointermove", (event) => {
      if (!down.has(event.pointerId)) return;
      down.set(event.pointerId, place(event));
      if (held && down.size === 2) {
        const [one, other] = held.map(({ id, time }) => ({ x: down.get(id), time }));
        const pace = (other.time - one.time) / (other.x - one.x);
        const seen = { min: one.time - one.x * pace, max: one.time + (u.over.clientWidth - one.x) * pace };
        if (pace > 0 && seen.max - seen.min >= CLOSEST) u.setScale("x", { ...seen, max: Math.min(seen.max, Date.now() / 1000) });
      } else if (begin !== null && Math.abs(place(event) - begin) > ACROSS) {
        const [left, right] = [begin, Math.min(u.over.clientWidth, Math.max(0, place(event)))].sort((one, other) => one - other);
        u.setSelect({ left, width: right - left, top: 0, height: u.over.clientHeight }, false);
      }
    });
    const end = (event) => {
      if (!down.delete(event.pointerId)) return;
      const drawn = u.select.width;
      if (held) {
        pinched = false;
        // The second finger of the two leaves nothing more to say.
        if (down.size === 1 && event.type === "pointerup") zoom(u.scales.x.min, u.scales.x.max);
        else if (event.type === "pointercancel") u.setScale("x", { min: data.from, max: data.to });
      } else if (event.type === "pointerup" && begin !== null && drawn > ACROSS) {
        zoom(at(u.select.left), at(u.select.left + drawn));
      }
      if (down.size) return;
      [begin, held] = [null, null];
      clear();
    };
    u.over.addEventListener("pointerup", end);
    // The browser took it, to scroll.
    u.over.addEventListener("pointercancel", end);
  }

  function point(u) {
    const { left, idx } = u.cursor;
    if (left == null || left < 0 || !data) return void (tip.hidden = true);
    const at = u.posToVal(left, "x");
    const lines = [];
    const near = (data.to - data.from) / Math.max(80, u.width / 6);
    if (idx != null && data.times.length) {
      const value = data.values[idx];
      lines.push(exact(data.times[idx] * 1000, zone));
      if (value != null) lines.push(whole(value, data));
    }
    const before = (data.week_before ?? []).reduce((best, one) => (Math.abs(one[0] - at) < Math.abs((best?.[0] ?? Infinity) - at) ? one : best), null);
    if (before?.[1] != null && Math.abs(before[0] - at) < near) lines.push(`${whole(before[1], data)} the week before`);
    const band = data.bands.find(([from, to]) => at >= from && at < to);
    if (band) lines.push(band[2]);
    const threshold = data.thresholds.find(([from, to]) => at >= from && at < to);
    if (threshold && numeric()) lines.push(`threshold ${whole(threshold[2], data)}`);
    const text = data.texts.find(([from, to]) => at >= from && at < to);
    if (text) lines.push(text[2] ?? "changes too often to be told apart");
    for (const [t, old, next, message] of data.flips) if (Math.abs(t - at) < near) lines.push(`${old} → ${next}: ${message}`);
    for (const [from, to, count, why] of data.gaps) if (at > from - near && at < to + near) lines.push(`${count} tick${count === 1 ? "" : "s"} ${why}`);
    tip.replaceChildren(...lines.slice(0, 6).map((line) => Object.assign(document.createElement("div"), { textContent: line.slice(0, 160) })));
    tip.hidden = lines.length === 0;
    const offset = u.over.offsetLeft + left;
    tip.style.left = `${Math.max(4, Math.min(offset + 12, box.clientWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = "12px";
  }

  function mark() {
    for (const link of document.querySelectorAll("[data-range]")) {
      if (!window_ && link.dataset.range === range) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    if (week) weekLink.setAttribute("aria-current", "true");
    else weekLink.removeAttribute("aria-current");
    document.querySelector("[data-ghost]").hidden = !week;
    hint.hidden = Boolean(window_);
    out.hidden = !window_;
    steps.hidden = false;
    const [from, to] = window_ ?? (data ? [data.from, data.to] : [0, 0]);
    // Until it is known what is seen there is nothing to step from.
    steps.querySelector('[data-step="earlier"]').disabled = to === 0;
    steps.querySelector('[data-step="in"]').disabled = to - from <= CLOSEST;
    steps.querySelector('[data-step="later"]').disabled = !window_ || to >= Date.now() / 1000 - 1;
  }

  function zoomOut() {
    if (!window_) return;
    window_ = null;
    remember();
    // The button that had the focus goes.
    if (document.activeElement === out) steps.querySelector("button").focus();
    mark();
    load();
  }
  // Not on the plot: a stretch without a run has none.
  box.addEventListener("dblclick", zoomOut);
  out.addEventListener("click", zoomOut);
  steps.addEventListener("click", (event) => {
    const button = event.target.closest("[data-step]");
    if (button) step(button.dataset.step);
  });
  mark();

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-range]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    range = link.dataset.range;
    window_ = null;
    remember();
    mark();
    load();
  });
  weekLink.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    week = !week;
    remember();
    mark();
    load();
  });
  new ResizeObserver(() => plot?.setSize({ width: box.clientWidth - 8, height: box.clientHeight - 8 })).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot?.redraw(false));
  // What just ran belongs into a chart that ends now; not more often than every five seconds.
  let last = 0;
  document.addEventListener("revere:changed", (event) => {
    if (!event.detail.changed.length || window_ || Date.now() - last < 5000) return;
    last = Date.now();
    load();
  });
  load();
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

// The range of the axis: room above, and room for the strip of states below.
function around(min, max) {
  if (min == null || max == null) return [0, 1];
  if (min === max) [min, max] = [min - Math.abs(min || 1) / 2, max + Math.abs(max || 1) / 2];
  const low = min >= 0 && min < (max - min) / 4 ? 0 : min;
  return [low - (max - low) * 0.09, max + (max - low) * 0.08];
}

// Twenty-four hours; the day where it changes.
function times(_, ticks, axis, space, step) {
  void axis;
  void space;
  let before = "";
  return ticks.map((tick) => {
    const date = day(tick * 1000, zone);
    const hour = clock(tick * 1000, zone, step < 60);
    const text = step >= 86400 ? date : date === before ? hour : `${hour}\n${date}`;
    before = date;
    return text;
  });
}

// Values of sizes that an axis does not have are drawn as a power of ten apart.
function powerOf(values) {
  const largest = Math.max(...values.map((value) => Math.abs(value ?? 0)));
  const size = largest > 0 ? Math.floor(Math.log10(largest)) : 0;
  return Math.abs(size) > 24 ? size : 0;
}
