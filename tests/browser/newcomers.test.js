// What stood in the way of people who tried the pages as new users, and stays mended.
import assert from "node:assert/strict";
import { fits, serve, story, until } from "./harness.js";
import { look } from "./look.js";
import { longest, overprinted, uglyServer } from "./ugly.js";

const bare = serve({ more: () => "REVERE_SOURCES = {}\nREVERE_ALERTS = {}\n" });
const ugly = uglyServer({ deliveries: 120 });

for (const width of [1280, 390, 360]) {
  story(`the pages of a server with neither sources nor alerts say what to write, and fit, at ${width}`, bare, { width }, async ({ page }) => {
    const says = { "/alerts": "No alert is configured", "/sources": "No source is configured", "/": "Nothing is watched yet", "/create": "No alert is configured" };
    for (const [address, words] of Object.entries(says)) {
      await page.goto(address);
      await page.getByText(words).first().waitFor();
      assert.deepEqual(await look(page, `bare${address.replace("/", "-")}`), []);
      assert.deepEqual(await overprinted(page), [], address);
    }
  });
}

story("Esc leads out of the editor to the button that tries the script", bare, {}, async ({ page }) => {
  await page.goto("/create");
  await page.locator(".cm-content").click();
  await page.keyboard.insertText("return_value = 12\n");
  await page.keyboard.press("Escape");
  await page.locator("[data-try]:focus").waitFor();
  await page.keyboard.press("Enter");
  await page.locator("#outcome .state-ok").waitFor();
});

// Where the words of an element begin, from the top.
const top = (locator) =>
  locator.evaluate((one) => {
    const words = document.createTreeWalker(one, NodeFilter.SHOW_TEXT);
    let node = words.nextNode();
    while (node && !node.data.trim()) node = words.nextNode();
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getClientRects()[0];
    return box.top + box.height / 2;
  });

story("a row of the delivery log is low, whatever its names are, and what stands in it stands on one line", ugly, {}, async ({ page, server }) => {
  await page.goto(`/alerts?monitor=${longest(server.ids)}`);
  const rows = page.locator("#deliveries tbody tr:not(.day)");
  assert.ok((await rows.count()) > 0);
  for (const row of (await rows.all()).slice(0, 10)) {
    const { height } = await row.boundingBox();
    assert.ok(height < 90, `${height} px`);
    const tops = await Promise.all([".c-when", ".c-alert a", ".c-of a", ".c-answer summary"].map((part) => top(row.locator(part).first())));
    assert.ok(Math.max(...tops) - Math.min(...tops) <= 2, `on one line: ${tops}`);
  }
});

story("the largest number has a chart with an axis", ugly, {}, async ({ page, server }) => {
  await page.addInitScript(() => {
    window.written = [];
    const write = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function fillText(text, ...where) {
      window.written.push(String(text));
      return write.call(this, text, ...where);
    };
  });
  await page.goto(`/monitor/${server.ids["Largest float"]}?range=1h`);
  await until(() => page.evaluate(() => window.written.some((text) => /e308$/.test(text.replace(/\s/g, "")))), true, "its axis has its power of ten");
  await fits(page);
});

story("a number of eleven digits keeps all of them where it is pointed at, and an axis tells its steps apart", ugly, {}, async ({ page, server }) => {
  await page.goto("/");
  const value = page.locator(`#m${server.ids["Bytes free"]} .c-value`);
  assert.match((await value.innerText()).replace(/\s/g, " "), /^123\.5 GB$/);
  assert.match((await value.locator("[title]").first().getAttribute("title")).replace(/\s/g, " "), /123 506 019 586 bytes/);
});

story("a long text is read as a whole by the keyboard and on a phone", ugly, { width: 390 }, async ({ page, server }) => {
  await page.goto(`/monitor/${server.ids["Text value"]}`);
  const fold = page.locator("#stand details");
  await fold.first().locator("summary").focus();
  await page.keyboard.press("Enter");
  await fold.first().getByText(/node-379=degraded/).first().waitFor();
  await fits(page);
});

story("on a phone how a monitor is stands above its tags and its buttons, however long its name is", ugly, { width: 390 }, async ({ page, server }) => {
  await page.goto(`/monitor/${longest(server.ids)}`);
  const at = async (locator) => (await locator.boundingBox()).y;
  const state = await at(page.locator("#stand .state").first());
  assert.ok(state < 420, `in sight, and not ${state} px down`);
  assert.ok(state < (await at(page.locator(".tag").filter({ hasText: "team-01" }).first())), "above the tags");
  assert.ok(state < (await at(page.getByRole("button", { name: "Run now" }))), "above the buttons");
});
