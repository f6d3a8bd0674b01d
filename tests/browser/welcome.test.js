// An installation that is empty teaches, and is not empty one click later.
import assert from "node:assert/strict";
import { fits, serve, story, until } from "./harness.js";

const server = serve();

story("every address of an empty installation leads on", server, { width: 390 }, async ({ page, expects }) => {
  for (const address of ["/", "/alerts", "/sources", "/create"]) {
    await page.goto(address);
    await fits(page);
  }
  expects("404");
  await page.goto("/monitor/1");
  await page.getByText("There is no monitor 1.").waitFor();
  await page.getByRole("link", { name: "Go to the monitors" }).click();
  await page.getByRole("heading", { name: "Nothing is watched yet" }).waitFor();
});

for (const width of [1280, 390]) {
  story(`the examples are read without scrolling at ${width}`, server, { width }, async ({ page }) => {
    await page.goto("/");
    const hidden = await page.locator(".card pre").evaluateAll((all) => all.map((one) => one.scrollWidth - one.clientWidth));
    assert.deepEqual(hidden, [0, 0, 0, 0]);
    await fits(page);
  });
}

story("an example is a monitor with one click, and runs at once", server, {}, async ({ page, server }) => {
  await page.goto("/");
  const cards = page.locator(".card");
  assert.equal(await cards.count(), 4);
  await cards.first().getByRole("button", { name: "Create", exact: true }).click();
  await page.getByRole("heading", { name: "Mail queue length" }).waitFor();
  await page.locator("#runs tbody tr[id]").first().waitFor();
  await page.goto("/");
  assert.deepEqual(await server.names(), ["Mail queue length"]);
  await until(() => page.locator(".monitors tbody tr").count(), 1);
});
