// What every page has to stand, in both themes: a picture of it for eyes, nothing too wide, nothing that axe finds. A theme
// changes colours and nothing else (web/test/themes.test.js): what axe says of colours is asked in both, all else once.
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fits, root } from "./harness.js";

const pictures = path.join(root, "target/browser-screenshots");
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
await mkdir(pictures, { recursive: true });

// The rules of axe that look at colours.
const COLOURS = ["color-contrast", "link-in-text-block"];

// Answers what axe found, in words. The page is left in the theme that it had.
export async function look(page, name, { whole = true } = {}) {
  const { width } = page.viewportSize();
  const own = await themeOf(page);
  const other = own === "dark" ? "light" : "dark";
  const picture = (theme) => page.screenshot({ path: path.join(pictures, `${name}-${width}-${theme}.png`), fullPage: whole });
  await rests(page);
  await picture(own);
  await fits(page);
  await page.evaluate(axe);
  const found = await judged(page, name);
  await page.emulateMedia({ colorScheme: other });
  try {
    await rests(page);
    await picture(other);
    found.push(...(await judged(page, `${name}, ${other}`, { runOnly: { type: "rule", values: COLOURS } })));
  } finally {
    await page.emulateMedia({ colorScheme: own });
  }
  return found;
}

export const themeOf = (page) => page.evaluate(() => (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));

// What moves has come to its end, and the page is drawn as it is now. A cursor blinks for ever.
const rests = (page) =>
  page.evaluate(async () => {
    const ends = (one) => Number.isFinite(one.effect?.getComputedTiming().endTime);
    await Promise.all(document.getAnimations().filter(ends).map((one) => one.finished.catch(() => {})));
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  });

async function judged(page, name, options = {}) {
  const { violations } = await page.evaluate((options) => window.axe.run(document, { resultTypes: ["violations"], ...options }), options);
  return violations.map((one) => `${name}: ${one.id}: ${one.help}: ${one.nodes.map((node) => `${node.target} ${node.html.slice(0, 120)}`).slice(0, 4).join(" | ")}`);
}
