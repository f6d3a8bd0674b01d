// Every page of the demo at both widths and in both themes: nothing too wide, nothing that axe finds, nothing in the
// console. Pictures of all of them go to target/browser-screenshots, for eyes.
import assert from "node:assert/strict";
import { SCREENS, serve, story } from "./harness.js";
import { look } from "./look.js";

const demo = serve({ demo: true });
const empty = serve();

const nothing = async () => {};
const pages = {
  list: ["/", nothing],
  chosen: ["/", async (page) => page.getByLabel("Choose all on this page").check()],
  filtered: ["/?state=OK&q=shop", nothing],
  sorted: ["/?sort=-value", nothing],
  setting: ["/", setting],
  nothing_fits: ["/?q=nothing-of-the-kind", nothing],
  monitor: ["/monitor/1", async (page) => page.locator(".chart canvas").waitFor()],
  month: ["/monitor/2?range=30d", async (page) => page.locator(".chart canvas").waitFor()],
  words: ["/monitor/3?range=7d", async (page) => page.locator(".chart canvas").waitFor()],
  history: ["/monitor/1/history", nothing],
  flips: ["/monitor/2/history?flips=true", nothing],
  create: ["/create", async (page) => page.locator(".cm-editor").waitFor()],
  edit: ["/monitor/1/edit", tried],
  refused: ["/create", refused],
  delete: ["/monitor/1/delete", nothing],
  versions: ["/monitor/1/versions", nothing],
  version: ["/monitor/1/versions/1", nothing],
  alerts: ["/alerts", async (page) => page.getByRole("button", { name: "Send a test" }).last().click()],
  alert: ["/alert/terminal/edit", nothing],
  preview: ["/alert/terminal/preview?monitor=1&state=ALARM", tried_words],
  sources: ["/sources", asked],
  server: ["/server", nothing],
  audit: ["/audit", unfolded],
  help: ["/", async (page) => page.keyboard.press("?")],
  missing: ["/monitor/999", nothing],
};

async function setting(page) {
  await page.getByLabel("Choose all on this page").check();
  await page.getByRole("button", { name: "Change…" }).click();
  await page.getByRole("heading", { name: /^Change the schedule of/ }).waitFor();
}
async function unfolded(page) {
  await page.locator("#audit summary").first().click();
  await page.locator("#audit .facts").first().waitFor();
}
async function tried_words(page) {
  await page.getByLabel(/^Text text/).fill("{{ monitor.nmae }}");
  await page.getByRole("button", { name: "Try", exact: true }).click();
  await page.getByText("did you mean 'name'?").waitFor();
}
async function tried(page) {
  await page.getByRole("button", { name: /^Run once/ }).click();
  await page.locator("#outcome .state").waitFor();
}
async function refused(page) {
  await page.getByLabel("Schedule", { exact: true }).fill("61 * * * *");
  await page.getByRole("button", { name: /^Create/ }).click();
  await page.locator("#name-fault").waitFor();
}
async function asked(page) {
  await page.getByRole("button", { name: "Check all" }).click();
  await page.getByText("✕ down").waitFor();
  await page.getByText("Methods, and try a query").first().click();
}

for (const [width, theme] of SCREENS) {
  story(`the demo's pages at ${width}, ${theme}`, demo, { width, theme }, async ({ page, expects }) => {
    expects("404 .*monitor/999", "422 .*create", "422 .*preview", "Failed to load resource.*(404|422)");
    const found = [];
    for (const [name, [address, prepare]] of Object.entries(pages)) {
      await page.goto(address);
      await prepare(page);
      found.push(...(await look(page, name, { whole: !["help", "chosen"].includes(name) })));
    }
    assert.deepEqual(found, []);
  });

  story(`the first page of an empty installation at ${width}, ${theme}`, empty, { width, theme }, async ({ page }) => {
    await page.goto("/");
    assert.deepEqual(await look(page, "welcome"), []);
  });
}
