// No file of the browser's code stands on one that stands on it: each can be read after those that it names.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import test from "node:test";

test("no file leads back to itself", async () => {
  const source = new URL("../src/", import.meta.url);
  const named = new Map();
  for (const name of (await readdir(source)).filter((name) => name.endsWith(".js"))) {
    const text = await readFile(new URL(name, source), "utf8");
    named.set(name, [...text.matchAll(/\bfrom "\.\/([^"]+\.js)"/g)].map(([, other]) => other));
  }
  assert.ok([...named.values()].flat().length > 20, "imports are written in another way now");
  const reached = (name, seen = new Set()) => {
    for (const other of named.get(name)) if (!seen.has(other)) reached(other, seen.add(other));
    return seen;
  };
  for (const name of named.keys()) assert.ok(!reached(name).has(name), name);
});
