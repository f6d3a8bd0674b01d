// A monitor's page: how it stands, its chart, its story, and what can be done with it.
import assert from "node:assert/strict";
import { serve, story, until } from "./harness.js";

const server = serve();
const stands = (page) => page.locator("#stand .state").textContent();

// Passes, alarms at the second run, passes at the third.
const wavering = "n = 1 + (previous.return_value if previous else 0)\nreturn_value = n\nif n == 2:\n    raise MonitorFailure('two is too many')";

story("the chart has ranges, zooms where it is dragged, and goes back", server, {}, async ({ page, server }) => {
  const id = await server.monitor({ name: "Charted", script: wavering, runs: 3 });
  const asked = [];
  page.on("request", (request) => request.url().includes("/chart?") && asked.push(new URL(request.url()).searchParams));
  const drawn = () => page.waitForResponse((answer) => answer.url().includes("/chart?") && answer.ok());
  await Promise.all([drawn(), page.goto(`/monitor/${id}`)]);
  for (const range of ["1 h", "7 d", "30 d", "all", "24 h"]) {
    const link = page.getByRole("navigation", { name: "Range of the chart" }).getByRole("link", { name: range, exact: true });
    await Promise.all([drawn(), link.click()]);
    assert.equal(await link.getAttribute("aria-current"), "true");
    assert.equal(asked.at(-1).get("range"), range.replace(" ", ""));
  }
  const box = await page.locator(".chart .u-over").boundingBox();
  const [left, middle] = [box.x + box.width * 0.4, box.y + box.height / 2];
  await page.mouse.move(left, middle);
  await page.mouse.down();
  await page.mouse.move(left + box.width / 4, middle, { steps: 4 });
  await Promise.all([drawn(), page.mouse.up()]);
  const seen = Number(asked.at(-1).get("to")) - Number(asked.at(-1).get("from"));
  assert.ok(Math.abs(seen - 6 * 3600) < 900, `a quarter of 24 h, not ${seen} s`);
  await Promise.all([drawn(), page.mouse.dblclick(left, middle)]);
  assert.equal(asked.at(-1).get("range"), "24h");
});

story("flips are told with message, value and how long it lasted; runs with what they printed", server, {}, async ({ page, server }) => {
  const id = await server.monitor({ name: "Told", script: `print('counting')\n${wavering}`, runs: 3 });
  await page.goto(`/monitor/${id}`);
  const turns = await page.locator(".story > li").allInnerTexts();
  assert.equal(turns.length, 3);
  assert.match(turns[0], /OK[\s\S]*still so · value 3/);
  assert.match(turns[1], /ALARM[\s\S]*lasted .* · value 2\s+two is too many/);
  const run = page.locator("#runs tbody tr").nth(1);
  await run.locator("summary").click();
  assert.match(await run.innerText(), /counting[\s\S]*MonitorFailure: two is too many/);
});

story("it runs at once, is paused and goes on", server, {}, async ({ page, server }) => {
  const id = await server.monitor({ name: "Driven", runs: 0 });
  await page.goto(`/monitor/${id}`);
  await page.getByText("has not run yet").waitFor();
  await page.getByRole("button", { name: "Run now" }).click();
  await until(() => stands(page), "OK");
  await page.getByText("by hand").waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await until(() => stands(page), "INACTIVE");
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("button", { name: "Pause" }).waitFor();
  assert.equal((await server.api("GET", `/monitors/${id}`)).active, true);
});

story("what happens meanwhile is seen without reloading", server, {}, async ({ page, server }) => {
  const id = await server.monitor({ name: "Watched", script: wavering });
  await page.goto(`/monitor/${id}`);
  assert.equal(await stands(page), "OK");
  await server.api("POST", `/monitors/${id}/run`, {});
  await until(() => stands(page), "ALARM");
  assert.match(await page.locator("#stand").innerText(), /two is too many/);
  await until(() => page.locator("#runs tbody tr").count(), 2);
  await until(() => page.locator(".story > li").count(), 2, "the story goes on, too");
});

story("a copy begins from the original, and an edit is seen", server, {}, async ({ page, server }) => {
  const id = await server.monitor({ name: "First", tags: ["a"] });
  await page.goto(`/monitor/${id}`);
  await page.getByRole("link", { name: "Duplicate" }).click();
  assert.equal(await page.getByLabel("Name").inputValue(), "First (copy)");
  await page.getByLabel("Name").fill("Second");
  await page.getByRole("button", { name: /^Create/ }).click();
  await page.getByRole("heading", { name: "Second" }).waitFor();
  await page.getByRole("link", { name: "Edit" }).first().click();
  await page.getByLabel("Tags").fill("a, b");
  await page.keyboard.press("Control+s");
  await page.getByRole("heading", { name: "Second" }).waitFor();
  assert.deepEqual(await page.locator(".head .tag").allTextContents(), ["a", "b"]);
});

story("it is deleted only when its name is typed", server, {}, async ({ page, server, expects }) => {
  const id = await server.monitor({ name: "Precious" });
  await page.goto(`/monitor/${id}`);
  await page.getByRole("link", { name: "Delete" }).click();
  await page.getByLabel(/Type its name/).fill("precious");
  expects("422");
  await page.getByRole("button", { name: "Delete it" }).click();
  await page.getByText("That is not its name. Nothing was deleted.").waitFor();
  await page.getByLabel(/Type its name/).fill("Precious");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Monitors" }).waitFor();
  assert.ok(!(await server.names()).includes("Precious"));
});
