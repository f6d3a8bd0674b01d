// What people read is the same wherever it is written: the cases that the server is tested with, too.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import test from "node:test";
import { exact } from "../src/clock.js";
import { axisLabels, short, shortOfText, whole } from "../src/numbers.js";
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

test("whole numbers that are kept as texts", () => {
  for (const { text, short: column, ...format } of cases.texts) assert.equal(shortOfText(text, format)?.replace(/[\u00a0\u202f]/g, " ") ?? null, column, text);
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

test("a day far away is that of the page's zone, which it names", () => {
  for (const { at, zone, day } of cases.days) {
    assert.equal(relative(100 * 86400, Date.parse(at), zone), day);
    assert.equal(relative(-100 * 86400, Date.parse(at), zone), day);
  }
});

// Two files write times and numbers, and one asks the browser where it is.
test("nothing else writes a time or a number by itself", async () => {
  const folder = new URL("../src/", import.meta.url);
  for (const file of (await readdir(folder)).filter((name) => name.endsWith(".js"))) {
    if (["clock.js", "numbers.js", "zone.js"].includes(file)) continue;
    const found = /toFixed|toPrecision|toExponential|toLocale|Intl\.|toISOString/.exec(await readFile(new URL(file, folder), "utf8"));
    assert.equal(found, null, file);
  }
});
