// Monitors as nobody would make them up for a picture, and as they are; the server's own tests use the same.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { root } from "./harness.js";

const monitors = JSON.parse(await readFile(path.join(root, "crates/server/tests/ugly_monitors.json"), "utf8"));

// Makes them all and runs them; answers their ids by name.
export async function uglyMonitors(server) {
  const ids = {};
  for (const { spec, runs } of monitors) ids[spec.name] = await server.monitor({ ...spec, runs });
  return ids;
}
