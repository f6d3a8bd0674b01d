// `/monitor/{id}/history`: every run, filtered, page by page, and as CSV.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { everywhere, fits, serve, story, until } from "./harness.js";

// 120 runs: every tenth alarms, so it flips twice around each.
const script = "n = 1 + (previous.return_value if previous else 0)\nreturn_value = n\nif n % 10 == 0:\n    raise MonitorFailure('%d divides by ten' % n)";
const prepared = serve().then(async (server) => Object.assign(server, { history: `/monitor/${await server.monitor({ name: "Counter", script, runs: 120 })}/history` }));
const rows = (page) => page.locator("#runs tbody tr:not(.day)");
const values = (page) => page.locator("#runs .c-value").allInnerTexts();

story("pages follow each other without gap or repeat", prepared, {}, async ({ page, server }) => {
  await page.goto(server.history);
  const seen = await values(page);
  assert.equal(seen.length, 100);
  await page.getByRole("link", { name: "Older" }).click();
  await until(() => rows(page).count(), 20);
  seen.push(...(await values(page)));
  assert.deepEqual(seen.map(Number), Array.from({ length: 120 }, (_, index) => 120 - index));
  await page.getByRole("link", { name: "Newest" }).click();
  await until(() => rows(page).count(), 100);
});

everywhere("only a state, or only changes of state", prepared, async ({ page, server }) => {
  await page.goto(server.history);
  await page.getByLabel("State", { exact: true }).selectOption("ALARM");
  await page.getByRole("button", { name: "Show" }).click();
  await until(() => rows(page).count(), 12);
  await page.getByLabel("State", { exact: true }).selectOption("");
  await page.getByLabel("Changes of state only").check();
  await page.getByRole("button", { name: "Show" }).click();
  await until(() => rows(page).count(), 24);
  await fits(page);
  await page.getByRole("link", { name: "Clear" }).click();
  await until(() => rows(page).count(), 100);
});

story("a range of time is asked for in a zone of one's choice; a wrong one says so and keeps the fields", prepared, {}, async ({ page, server }) => {
  await page.goto(server.history);
  await page.getByLabel("From").fill("2020-01-01 00:00");
  await page.getByRole("textbox", { name: "to", exact: true }).fill("2021-01-01 00:00");
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByText("No run fits.").waitFor();
  await page.getByRole("textbox", { name: "to", exact: true }).fill("2019-01-01 00:00");
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByRole("alert").waitFor();
  assert.equal(await page.getByLabel("From").inputValue(), "2020-01-01 00:00");
  // The browser's own zone is on offer, and decides.
  await page.goto(server.history);
  const utc = await rows(page).first().locator("time").innerText();
  await page.getByLabel("Times in").selectOption("Europe/Berlin");
  await until(async () => (await rows(page).first().locator("time").innerText()) !== utc, true);
});

story("times stand by the clock of one zone, and say how long ago on hover", prepared, {}, async ({ page, server }) => {
  await page.goto(server.history);
  const time = rows(page).first().locator("time");
  await until(async () => /^(now|.* ago)\n\w{3} \d+ \w{3} \d{4}, \d\d:\d\d:\d\d UTC$/.test(await time.getAttribute("title")), true);
});

story("what is shown is downloaded as CSV", prepared, {}, async ({ page, server }) => {
  await page.goto(`${server.history}?state=ALARM`);
  const coming = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download CSV" }).click();
  const text = await readFile(await (await coming).path(), "utf8");
  const lines = text.trim().split(/\r?\n/);
  assert.equal(lines.length, 13, lines.slice(0, 3).join("\n"));
  assert.match(lines[1], /ALARM.*120 divides by ten/);
});
