// The axes of the chart: from where to where they go, and what stands at their ticks.
import { clock, day, pageZone } from "./clock.js";
import { axisLabels } from "./numbers.js";

// A threshold that would make the values so many times flatter is said at the edge it lies beyond.
const PRESSED = 4;

// Whether there is a number to draw.
export function numeric(data) {
  return data.values.some((value) => value != null) || ghosts(data, 0).length > 0;
}

// Values of sizes that an axis does not have are drawn as a power of ten apart.
export function powerOf(values) {
  const largest = Math.max(...values.map((value) => Math.abs(value ?? 0)));
  const size = largest > 0 ? Math.floor(Math.log10(largest)) : 0;
  return Math.abs(size) > 24 ? size : 0;
}

// The values' own range and that of the week before, with the thresholds that do not press them into a line.
export function withThresholds(data, power, min, max) {
  for (const one of ghosts(data, power)) [min, max] = [Math.min(min ?? one, one), Math.max(max ?? one, one)];
  if (min == null || max == null) return [min, max];
  let [low, high] = [min, max];
  for (const [, , value] of data.thresholds) {
    const scaled = value / 10 ** power;
    if (max > min && (Math.max(max, scaled) - Math.min(min, scaled)) / (max - min) > PRESSED) continue;
    [low, high] = [Math.min(low, scaled), Math.max(high, scaled)];
  }
  return [low, high];
}

// The range of the axis: room above, and room for the strip of states below.
export function around(min, max) {
  if (min == null || max == null) return [0, 1];
  if (min === max) [min, max] = [min - Math.abs(min || 1) / 2, max + Math.abs(max || 1) / 2];
  const low = min >= 0 && min < (max - min) / 4 ? 0 : min;
  return [low - (max - low) * 0.09, max + (max - low) * 0.08];
}

// Of an axis that has room for the strip below zero, only what can be.
export function labels(ticks, data, power) {
  if (!numeric(data)) return ticks.map(() => "");
  return axisLabels(ticks, data, power).map((label, index) => (ticks[index] >= lowest(data, power) ? label : ""));
}

// As wide as its longest label.
export function room(u, texts) {
  const longest = Math.max(0, ...(texts ?? []).map((text) => text.length));
  return Math.max(40, 16 + 6.5 * longest);
}

// Twenty-four hours; the day where it changes.
export function times(_, ticks, axis, space, step) {
  void axis;
  void space;
  const zone = pageZone();
  let before = "";
  return ticks.map((tick) => {
    const date = day(tick * 1000, zone);
    const hour = clock(tick * 1000, zone, step < 60);
    const text = step >= 86400 ? date : date === before ? hour : `${hour}\n${date}`;
    before = date;
    return text;
  });
}

// The values of the week before, as they are drawn.
function ghosts(data, power) {
  return (data.week_before ?? []).flatMap(([, value]) => (value == null ? [] : [value / 10 ** power]));
}

// Below the lowest value lies room for the strip; numbers that mean nothing are left out of it.
function lowest(data, power) {
  return [...data.values, ...ghosts(data, power)].every((value) => value == null || value >= 0) ? 0 : -Infinity;
}
