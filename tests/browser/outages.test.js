// A source that is down: who waits for it, and saying on its page that one looks after it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { everywhere, fits, serve, until } from "./harness.js";

const server = serve().then(async (server) => {
  const id = await server.monitor({ name: "Stock" });
  await server.api("PATCH", `/monitors/${id}`, { script: "sources['warehouse'].execute('select 1')" });
  await server.api("POST", `/monitors/${id}/run`, {});
  // As if it had gone on for a minute: what is over sooner is told to nobody.
  const program = "import sqlite3\nfile = sqlite3.connect('revere.db', timeout=30)\nfile.execute('update source_outages set began_at = began_at - 60000000')\nfile.commit()";
  const aged = spawnSync("python3", ["-c", program], { cwd: server.folder, encoding: "utf8" });
  assert.equal(aged.status, 0, aged.stderr);
  const outage = async () => (await server.api("GET", "/sources")).items.find((one) => one.name === "warehouse").outage;
  await until(async () => (await outage()).told, true);
  return server;
});

everywhere("that a source is down is acknowledged where it is shown, and that is taken back", server, async ({ page }) => {
  await page.goto("/sources");
  const warehouse = page.locator(".rows > li", { hasText: "sources['warehouse']" });
  await warehouse.getByText("Down since").waitFor();
  assert.match(await warehouse.innerText(), /connection refused[\s\S]*Waiting for it: Stock/);
  await warehouse.getByLabel(/^What you do about it/).fill("calling them");
  await fits(page);
  await warehouse.getByRole("button", { name: "Acknowledge", exact: true }).click();
  await warehouse.getByText("Acknowledged by").waitFor();
  assert.match(await warehouse.innerText(), /calling them/);
  await fits(page);
  await warehouse.getByRole("button", { name: "Take the acknowledgement back" }).click();
  await warehouse.getByRole("button", { name: "Acknowledge", exact: true }).waitFor();
  assert.doesNotMatch(await warehouse.innerText(), /calling them/);
});

everywhere("a monitor says what it waits for, and leads there", server, async ({ page }) => {
  await page.goto("/");
  await page.getByText("waiting for warehouse").first().waitFor();
  await page.getByRole("link", { name: "Stock" }).first().click();
  await page.getByRole("link", { name: "warehouse", exact: true }).click();
  await page.getByRole("heading", { name: "Sources", exact: true }).waitFor();
});
