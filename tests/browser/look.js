// What every page has to stand: a picture of it for eyes, nothing too wide, nothing that axe finds.
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fits, root } from "./harness.js";

const pictures = path.join(root, "target/browser-screenshots");
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
await mkdir(pictures, { recursive: true });

// Answers what axe found, in words.
export async function look(page, name, how, fullPage = true) {
  await page.screenshot({ path: path.join(pictures, `${name}-${how}.png`), fullPage });
  await fits(page);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations.map((one) => `${name}: ${one.id}: ${one.help}: ${one.nodes.map((node) => `${node.target} ${node.html.slice(0, 120)}`).slice(0, 4).join(" | ")}`);
}
