// Every page reads and saves in a browser that runs no script.
import assert from "node:assert/strict";
import { serve, story, until } from "./harness.js";

const server = serve().then(async (server) => {
  await server.monitor({ name: "Mail queue", tags: ["mail"], script: "raise MonitorFailure('51 are waiting')" });
  await server.monitor({ name: "Orders", runs: 3 });
  return server;
});
const plain = { scripts: false };

story("a monitor is written, tried, refused, mended and saved", server, plain, async ({ page, server, expects }) => {
  await page.goto("/create");
  await page.getByLabel("Name").fill("Plain");
  await page.getByLabel("Script", { exact: true }).fill("print('tried')\nreturn_value = 42");
  await page.getByRole("button", { name: /^Run once/ }).click();
  await until(async () => /OK[\s\S]*42[\s\S]*tried/.test(await page.locator("#outcome").innerText()), true);
  assert.equal(await page.getByLabel("Name").inputValue(), "Plain");
  await page.getByLabel("Schedule", { exact: true }).fill("61 * * * *");
  expects("422");
  await page.getByRole("button", { name: /^Create/ }).click();
  await page.locator("#schedule-fault").waitFor();
  assert.match(await page.getByLabel("Script", { exact: true }).inputValue(), /return_value = 42/);
  await page.getByLabel("Schedule", { exact: true }).fill("1 * * * *");
  await page.getByRole("button", { name: /^Create/ }).click();
  await page.getByRole("heading", { name: "Plain" }).waitFor();
  assert.ok((await server.names()).includes("Plain"));
});

story("a monitor is read, run, paused and looked back at", server, plain, async ({ page }) => {
  await page.goto("/");
  assert.match(await page.locator(".monitors").innerText(), /51 are waiting/);
  await page.getByLabel("Search by name or tag").fill("orders");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByRole("link", { name: "Orders", exact: true }).click();
  await until(() => page.locator(".chart svg.still").count(), 1, "a still picture of the chart");
  await page.getByRole("button", { name: "Run now" }).click();
  await until(() => page.locator("#runs tbody tr[id]").count(), 4);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("link", { name: "Whole history" }).click();
  await page.getByLabel("Changes of state only").check();
  await page.getByRole("button", { name: "Show" }).click();
  await page.locator("#runs tbody tr.flip").first().waitFor();
});

story("many are changed, alerts switched and tested, sources asked", server, plain, async ({ page, server }) => {
  await page.goto("/?q=mail");
  await page.getByLabel("Choose Mail queue").check();
  await page.getByPlaceholder("tag", { exact: true }).fill("night");
  await page.getByRole("button", { name: "Add tag" }).click();
  await until(() => page.locator(".monitors .tag").allTextContents(), ["mail", "night"]);
  await page.goto("/alerts");
  await page.getByLabel(/OK$/).first().uncheck();
  await page.getByRole("button", { name: "Save" }).first().click();
  await until(async () => (await server.api("GET", "/alerts")).items.filter((one) => one.states.includes("OK")).length, 1);
  await page.getByRole("button", { name: "Send a test" }).last().click();
  await page.getByText("The test was").waitFor();
  await page.goto("/sources");
  await page.getByText("Methods, and try a query").first().click();
  await page.getByRole("textbox", { name: /^Python/ }).first().fill("print('asked')");
  await page.getByRole("button", { name: "Run", exact: true }).first().click();
  await page.getByText("asked", { exact: true }).waitFor();
});
