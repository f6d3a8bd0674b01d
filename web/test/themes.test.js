// A theme changes colours and nothing else: what stands where, what is wide and what can be done is the same in both. The
// browser's tests go by it (tests/browser/look.js).
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import test from "node:test";

const source = new URL("../src/", import.meta.url);
const files = (await readdir(source, { recursive: true })).filter((name) => /\.(js|css)$/.test(name)).sort();
const texts = new Map(await Promise.all(files.map(async (name) => [name, await readFile(new URL(name, source), "utf8")])));

test("only the tokens and the chart, which is drawn anew, look at the theme", () => {
  const looking = files.filter((name) => texts.get(name).includes("prefers-color-scheme"));
  assert.deepEqual(looking, ["chart.js", "style/tokens.css"]);
  assert.match(texts.get("chart.js"), /prefers-color-scheme: dark\)"\)\.addEventListener\("change", \(\) => plot\?\.redraw\(false\)\)/);
});

test("what the dark theme sets are colours that the light one sets, too", () => {
  const [light, dark, ...more] = texts.get("style/tokens.css").split("@media (prefers-color-scheme: dark)");
  assert.deepEqual(more, []);
  const block = /^\s*\{\s*:root\s*\{([^{}]*)\}\s*\}/.exec(dark)[1].replace(/\/\*.*?\*\//gs, "");
  const set = block.split(";").map((line) => line.trim()).filter(Boolean);
  assert.ok(set.length > 20, `${set.length} colours`);
  for (const line of set) {
    const [, name] = /^(--[a-z-]+): #[0-9a-f]{6}$/.exec(line) ?? assert.fail(`no colour: ${line}`);
    assert.match(light, new RegExp(`^ *${name}: #[0-9a-f]{6};$`, "m"), name);
  }
});

test("no page and no other script asks for the theme", async () => {
  const templates = new URL("../../crates/server/templates/pages/", import.meta.url);
  for (const name of await readdir(templates)) {
    const text = await readFile(new URL(name, templates), "utf8");
    // A page says that it has both, for what the browser draws itself.
    assert.doesNotMatch(text.replace(/<meta name="(color-scheme|theme-color)"[^>]*>/g, ""), /color-scheme/, name);
  }
});
