// From where to where the chart's axis of values goes.
import assert from "node:assert/strict";
import test from "node:test";
import { around, powerOf, withThresholds } from "../src/chart_axes.js";

const threshold = (value) => ({ thresholds: [[0, 1, value]] });

test("a threshold is within the range, unless it would press the values into a line", () => {
  assert.deepEqual(withThresholds(threshold(30), 0, 0, 10), [0, 30]);
  assert.deepEqual(withThresholds(threshold(50), 0, 0, 10), [0, 10]);
  assert.deepEqual(withThresholds(threshold(-20), 0, 0, 10), [-20, 10]);
});

test("the week before is within the range, too, also where it has the only values", () => {
  const data = { thresholds: [], week_before: [[0, -5], [1, null], [2, 20]] };
  assert.deepEqual(withThresholds(data, 0, 0, 10), [-5, 20]);
  assert.deepEqual(withThresholds(data, 0, null, null), [-5, 20]);
  assert.deepEqual(withThresholds({ thresholds: [] }, 0, null, null), [null, null]);
});

test("values of sizes that an axis does not have are drawn as a power of ten apart", () => {
  assert.deepEqual([[1, -3e300], [5e24], [5e-30], [0], [null], []].map(powerOf), [300, 0, -30, 0, 0, 0]);
  const [low, high] = withThresholds(threshold(2e300), 300, 1, 1.5);
  assert.ok(low === 1 && Math.abs(high - 2) < 1e-9, `${low} to ${high}`);
});

test("there is room above the values and below them, and a range where there is one value or none", () => {
  const [low, high] = around(0, 10);
  assert.ok(low < 0 && high > 10, `${low} to ${high}`);
  const [below, above] = around(7, 7);
  assert.ok(below < 7 && above > 7, `${below} to ${above}`);
  assert.deepEqual(around(null, null), [0, 1]);
});
