// The chart of a monitor: value, states as a strip, changes of state and ticks without a run as marks. What is seen of it
// stands in the address: a range that ends now, or a stretch of time that was zoomed into by dragging or by its buttons.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./chart.css";
import { around, labels, numeric, powerOf, room, times, withThresholds } from "./chart_axes.js";
import { fingers } from "./chart_fingers.js";
import { ink, states, texts, thresholds, weekBefore } from "./chart_painting.js";
import { tipIn } from "./chart_tip.js";
import { exact, pageZone } from "./clock.js";

const over = { "1h": "the last hour", "24h": "the last 24 hours", "7d": "the last 7 days", "30d": "the last 30 days", all: "all that is kept" };
// Closer than this there is nothing more to see, in seconds.
const CLOSEST = 10;
// So long a click waits for a second one. How long the browser itself would, it does not say, and of a double click it tells at the
// second one alone.
const TWICE_MS = 400;
// So long a chart that ends now stays as it is, at least, and so long an answer is waited for.
const REST_MS = 5000;
const PATIENCE_MS = 30_000;
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
  const tip = tipIn(box);
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
    const answer = await fetch(`${box.dataset.chart}?${asked}`, { signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => null);
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

  // What the pointer is at when it did not draw a stretch: the run nearest to it.
  function open(u) {
    const { left, idx } = u.cursor;
    if (left == null || left < 0 || !data.runs) return;
    const at = idx != null && data.times.length ? data.times[idx] : u.posToVal(left, "x");
    location.assign(`${box.dataset.runAt}?at=${at}`);
  }

  function draw() {
    // Not while somebody zooms: what they point at stays where it is.
    if (!window_) box.classList.toggle("flat", !numeric(data) && !data.texts.length);
    box.querySelector(".still")?.remove();
    box.querySelector(".nothing")?.remove();
    if (!data.runs && !data.gaps.length && !numeric(data)) {
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
        scales: { x: { time: true, range: (_, min, max) => [min, max] }, y: { range: (_, min, max) => around(...withThresholds(data, power, min, max)) } },
        axes: [
          { ...axis, size: 40, space: 70, values: times, label: zone, labelSize: 16, labelGap: 0, labelFont: "11px system-ui, sans-serif" },
          { ...axis, size: room, values: (_, ticks) => labels(ticks, data, power), grid: { ...axis.grid, show: numeric(data) } },
        ],
        series: [{}, { stroke: () => ink("--chart"), width: 1.4, spanGaps: false, points: { show: (u) => u.data[0].length < 80, size: 4 } }],
        hooks: {
          drawAxes: [(u) => states(u, data), (u) => weekBefore(u, data, power)],
          draw: [(u) => texts(u, data), (u) => thresholds(u, data, power)],
          setCursor: [(u) => tip.point(u, data)],
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
    fingers(plot, { closest: CLOSEST, zoom, pinch: (is) => (pinched = is), all: () => ({ min: data.from, max: data.to }) });
    plot.over.addEventListener("mouseleave", tip.hide);
    let pressed = 0;
    plot.over.addEventListener("mousedown", (event) => (pressed = event.clientX));
    plot.over.addEventListener("click", (event) => {
      // Not the second of two, which zooms out, nor the end of a stretch that was drawn.
      clearTimeout(opening);
      if (Math.abs(event.clientX - pressed) > 3 || event.detail > 1) return;
      opening = setTimeout(() => open(plot), window_ ? TWICE_MS : 0);
    });
    box.append(tip.element);
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
  // What just ran belongs into a chart that ends now; not more often than every five seconds, nor before the answer before is here.
  let resting = false;
  let again = false;
  async function follow() {
    again = resting;
    if (resting || window_) return;
    resting = true;
    const rest = new Promise((done) => setTimeout(done, REST_MS));
    try {
      await load();
      await rest;
    } finally {
      resting = false;
    }
    if (again) follow();
  }
  document.addEventListener("revere:changed", (event) => {
    if (event.detail.changed.length) follow();
  });
  load();
}
