// Where `scripts/services` has started what; the server's own tests look there, too.
import { readFileSync } from "node:fs";
import path from "node:path";
import { root } from "./harness.js";

// The value of a name: from the environment, or from the file that `scripts/services up` writes.
export function service(name) {
  if (process.env[name]) return process.env[name];
  let lines = [];
  try {
    lines = readFileSync(path.join(root, "target/test-services/env"), "utf8").split("\n");
  } catch {
    // Said below.
  }
  const line = lines.find((one) => one.startsWith(`${name}=`));
  if (!line) throw new Error(`${name} is not set: run scripts/services up`);
  return line.slice(name.length + 1);
}
