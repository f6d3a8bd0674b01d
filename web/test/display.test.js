// What people read is the same wherever it is written: the cases that the server is tested with, too.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { exact } from "../src/clock.js";
import { axisLabels, short, whole } from "../src/numbers.js";
import { lasted, relative } from "../src/times.js";

const cases = JSON.parse(await readFile(new URL("../../crates/server/tests/display_cases.json", import.meta.url), "utf8"));
const plain = (text) => text.replace(/[\u00a0\u202f]/g, " ");

test("numbers", () => {
  for (const { value, short: column, whole: all, ...format } of cases.numbers) {
    assert.equal(plain(short(value, format)), column, `${value} in a column`);
    // Whole numbers beyond these are others by the time that JavaScript has read them.
    if (Number.isSafeInteger(value) || !Number.isInteger(value) || value >= 1e22) assert.equal(plain(whole(value, format)), all);
  }
});

test("axes", () => {
  for (const { ticks, labels, ...format } of cases.axes) assert.deepEqual(axisLabels(ticks, format).map(plain), labels);
});

test("times", () => {
  for (const { at, zone, exact: text } of cases.times) assert.equal(exact(Date.parse(at), zone), text);
});

test("spans", () => {
  for (const { seconds, lasted: text } of cases.spans) assert.equal(lasted(seconds), text);
});

test("a day far away is that of the page's zone", () => {
  const ms = Date.parse("2026-03-01T23:30:00Z");
  assert.equal(relative(100 * 86400, ms, "Asia/Tokyo"), "2026-03-02");
  assert.equal(relative(100 * 86400, ms, "UTC"), "2026-03-01");
  assert.equal(relative(-100 * 86400, Date.parse("2026-12-01T02:00:00Z"), "America/New_York"), "2026-11-30");
});
