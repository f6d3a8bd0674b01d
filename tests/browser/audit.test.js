// Who did what: an administrator looks at it, by monitor, by person and by time, and sees what changed.
import assert from "node:assert/strict";
import { everywhere, fits, serve, until } from "./harness.js";

const server = serve();

everywhere("what was done to a monitor stands in the audit, line by line", server, async ({ page, server }) => {
  const id = await server.monitor({ name: "Queue <b>", script: "limit = 50\nreturn_value = 1\n", runs: 0 });
  await server.api("PATCH", `/monitors/${id}`, { script: "limit = 80\nreturn_value = 1\n", alarm_after: 3 });
  await page.goto(`/monitor/${id}`);
  await page.getByRole("link", { name: "who changed it" }).click();
  const rows = page.locator("#audit tr[id^=row-]");
  await until(() => rows.count(), 2);
  assert.deepEqual(await rows.locator("summary").allInnerTexts(), ["monitor changed", "monitor created"]);
  assert.match(await rows.first().innerText(), /somebody[\s\S]*monitor Queue <b>[\s\S]*127\.0\.0\.1/);
  assert.match(await page.locator("#audit tr.day").first().innerText(), /\d{4}, UTC/, "the day, with its zone");
  assert.match(await rows.first().locator("time").innerText(), /^\d\d:\d\d:\d\d$/);
  await rows.first().locator("summary").click();
  const difference = rows.first().locator(".lines");
  await until(async () => (await difference.locator("div").allInnerTexts()).map((line) => line.trimEnd()), [
    "@@ -1,2 +1,2 @@",
    "-limit = 50",
    "+limit = 80",
    " return_value = 1",
  ]);
  assert.match(await rows.first().innerText(), /Alarm after\s*1 → 3/);
  await fits(page);
  await page.getByLabel("Act").selectOption("monitor_created");
  await page.getByRole("button", { name: "Show" }).click();
  await until(() => rows.count(), 1);
  assert.equal(await page.getByLabel("About").inputValue(), `monitor:${id}`, "the other filters stay");
  await page.getByLabel("About").fill("monitor");
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByRole("alert").getByText("names nothing").waitFor();
  await page.getByRole("link", { name: "Clear" }).click();
  await until(() => rows.count().then((count) => count > 1), true);
  await rows.last().locator("summary").focus();
  await page.keyboard.press("Enter");
  await rows.last().getByRole("link", { name: "All that was done to it" }).click();
  await until(() => page.getByLabel("About").inputValue().then((about) => /^monitor:\d+$/.test(about)), true);
});
