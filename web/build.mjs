// Builds the browser code into the server's folder of static files, where it is committed.
// `node build.mjs --check` builds into memory and fails if what is committed differs.
import { build } from "esbuild";
import { readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import path from "node:path";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.join(here, "../crates/server/static");
const result = await build({
  absWorkingDir: here,
  entryPoints: [
    { in: "src/app.js", out: "app" },
    { in: "src/style/app.css", out: "app" },
    { in: "src/editor.js", out: "editor" },
    { in: "src/chart.js", out: "chart" },
    { in: "src/push_worker.js", out: "push_worker" },
  ],
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022"],
  charset: "utf8",
  legalComments: "none",
  outdir: out,
  write: false,
  logLevel: "warning",
  banner: { js: "/* Built from web/ by `npm run build`; do not edit. */", css: "/* Built from web/ by `npm run build`; do not edit. */" },
});

let total = 0;
let stale = [];
for (const file of result.outputFiles) {
  const name = path.basename(file.path);
  const gzipped = gzipSync(file.contents, { level: 9 }).length;
  total += gzipped;
  console.log(`${name.padEnd(12)} ${file.contents.length} bytes, ${gzipped} gzipped`);
  if (process.argv.includes("--check")) {
    const committed = await readFile(file.path).catch(() => Buffer.alloc(0));
    if (!committed.equals(Buffer.from(file.contents))) stale.push(name);
  } else {
    await writeFile(file.path, file.contents);
  }
}
console.log(`in all ${total} gzipped`);
if (total > 250_000) {
  console.error("more than 250 kB: look at what came in");
  process.exit(1);
}
if (stale.length) {
  console.error(`not what web/ builds: ${stale.join(", ")}; run "npm run build" in web/ and commit`);
  process.exit(1);
}
