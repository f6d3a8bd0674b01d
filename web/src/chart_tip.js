// The tip of the chart: what stands at the time that the pointer is at.
import { numeric } from "./chart_axes.js";
import { exact, pageZone } from "./clock.js";
import { whole } from "./numbers.js";

// A tip in this box; `point` has it say what stands in these data where the pointer is.
export function tipIn(box) {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;

  function point(u, data) {
    const { left, idx } = u.cursor;
    if (left == null || left < 0 || !data) return void (tip.hidden = true);
    const at = u.posToVal(left, "x");
    const zone = pageZone();
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
    if (threshold && numeric(data)) lines.push(`threshold ${whole(threshold[2], data)}`);
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

  return { element: tip, point, hide: () => (tip.hidden = true) };
}
