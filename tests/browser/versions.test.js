// What a monitor was: saved with a note, compared, restored; deleted, and had back.
import assert from "node:assert/strict";
import { everywhere, listens, serve, story, until } from "./harness.js";
import { look } from "./look.js";

const server = serve().then(async (server) => {
  // One that stays, so that the list is never empty.
  await server.monitor({ name: "Stays" });
  return server;
});

const before = [
  "orders = sources['shop'].get_sum('orders.count', '-10min')",
  "",
  "# Nobody buys anything at night.",
  ...Array.from({ length: 12 }, (_, n) => `limit_${n} = ${n}`),
  "return_value = orders",
  "if orders < 10:",
  "    raise MonitorFailure('only %d orders in ten minutes' % orders)",
  "",
].join("\n");
const after = before.replace("orders < 10", "orders < 25 and limit_3").replace("# Nobody buys anything at night.\n", "");

everywhere("an edit is saved with a note, looked at, and taken back", server, async ({ page, server }) => {
  const id = await server.monitor({ name: "Orders", script: before, runs: 0 });
  await server.api("PATCH", `/monitors/${id}`, { script: after, description: "First line\nSecond line", tags: ["shop"], alarm_after: 3 });
  await page.goto(`/monitor/${id}/edit`);
  await page.locator(".cm-editor").waitFor();
  await page.getByLabel("Schedule", { exact: true }).fill("@daily");
  await page.getByLabel("What changed and why, if you like").fill("once a day is enough");
  assert.deepEqual(await look(page, "note"), []);
  await page.getByRole("button", { name: /^Save/ }).last().click();
  await page.getByRole("heading", { name: "Orders" }).waitFor();
  await page.getByRole("link", { name: "3, all versions" }).click();
  await page.getByRole("heading", { name: "Versions" }).waitFor();
  const rows = page.locator(".versions tbody tr");
  assert.equal(await rows.count(), 3);
  assert.match(await rows.nth(0).innerText(), /3[\s\S]*Schedule[\s\S]*once a day is enough/);
  assert.match(await rows.nth(1).innerText(), /Description, script, tags, alarm after/);
  assert.match(await rows.nth(2).innerText(), /Created/);
  assert.deepEqual(await look(page, "versions"), []);
  await page.getByLabel("Compare version").selectOption("1");
  await page.getByLabel("with").selectOption("2");
  await page.getByRole("button", { name: "Compare" }).click();
  await page.getByRole("heading", { name: "From version 1 to 2" }).waitFor();
  assert.match(await page.locator(".changes").innerText(), /Alarm after\s+1 failing run\s*→\s*3 failing runs in a row/);
  const script = page.locator(".difference").last();
  assert.equal(await script.locator(".removed").count(), 2);
  assert.match(await script.locator(".added").innerText(), /orders < 25 and limit_3/);
  assert.match(await script.innerText(), /\d+ lines the same/);
  assert.deepEqual(await look(page, "difference"), []);
  await page.getByRole("link", { name: "Version 1" }).click();
  await page.getByRole("heading", { name: "Version 1", exact: true }).waitFor();
  assert.deepEqual(await look(page, "restore"), []);
  await page.getByLabel("Why, if you like").fill("it was better");
  await page.getByRole("button", { name: "Restore version 1" }).click();
  await page.getByRole("heading", { name: "Orders" }).waitFor();
  const restored = await server.api("GET", `/monitors/${id}`);
  assert.deepEqual([restored.version, restored.script, restored.schedule, restored.tags], [4, before, "@yearly", []]);
  await page.goto(`/monitor/${id}/versions`);
  assert.match(await rows.nth(0).innerText(), /Restored version 1\.[\s\S]*it was better/);
  await server.api("DELETE", `/monitors/${id}`);
});

everywhere("a deletion is undone at once, and later", server, async ({ page, server }) => {
  const ids = [await server.monitor({ name: "Precious", tags: ["shop"] }), await server.monitor({ name: "Dear" })];
  await page.goto(`/monitor/${ids[0]}`);
  await page.getByRole("link", { name: "Delete" }).click();
  await page.getByText(/For 30 days it can be brought back/).waitFor();
  await page.getByLabel(/Type its name/).fill("Precious");
  await page.keyboard.press("Enter");
  await page.getByText("Deleted Precious.").waitFor();
  assert.deepEqual(await look(page, "undo"), []);
  assert.ok(!(await server.names()).includes("Precious"));
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByRole("heading", { name: "Precious" }).waitFor();
  await page.locator("#runs tbody tr[id]").waitFor();
  for (const id of ids) await server.api("DELETE", `/monitors/${id}`);
  await page.goto("/");
  await page.getByRole("link", { name: "Deleted monitors" }).click();
  await page.getByRole("heading", { name: "Deleted monitors" }).waitFor();
  assert.deepEqual(await look(page, "deleted"), []);
  await page.getByRole("button", { name: "Bring back Precious" }).first().click();
  await page.getByRole("heading", { name: "Precious" }).waitFor();
  assert.ok((await server.names()).includes("Precious"));
  await server.api("DELETE", `/monitors/${ids[0]}`);
});

story("what someone else saved meanwhile is looked at", server, {}, async ({ page, server, expects }) => {
  const id = await server.monitor({ name: "Shared", runs: 0 });
  await page.goto(`/monitor/${id}/edit`);
  await page.locator(".cm-editor").waitFor();
  await server.api("PATCH", `/monitors/${id}`, { alarm_after: 5 });
  expects("409");
  await page.getByLabel("Description").fill("mine");
  await page.getByRole("button", { name: /^Save/ }).last().click();
  await page.getByRole("link", { name: "What they changed" }).click();
  await page.getByRole("heading", { name: "From version 1 to 2" }).waitFor();
  assert.match(await page.locator(".changes").innerText(), /Alarm after\s+1 failing run\s*→\s*5 failing runs in a row/);
});

story("compare, restore, delete and undo without a mouse", server, {}, async ({ page, server }) => {
  const { keyboard } = page;
  const id = await server.monitor({ name: "By hand", script: before, runs: 0 });
  await server.api("PATCH", `/monitors/${id}`, { script: after });
  const tabTo = async (reached) => {
    for (let tab = 0; tab < 60; tab += 1) {
      if (await page.evaluate(reached)) return;
      await keyboard.press("Tab");
    }
    assert.fail(`60 tabs do not lead to ${reached}`);
  };
  await page.goto(`/monitor/${id}`);
  await listens(page, "By hand");
  await tabTo(() => document.activeElement.getAttribute("href")?.endsWith("/versions"));
  await keyboard.press("Enter");
  await listens(page, "Versions");
  await tabTo(() => document.activeElement.textContent === "Compare");
  await keyboard.press("Enter");
  await listens(page, "From version 1 to 2");
  await tabTo(() => document.activeElement.textContent === "Version 1");
  await keyboard.press("Enter");
  await listens(page, "Version 1");
  await tabTo(() => document.activeElement.id === "note");
  await keyboard.type("as before\n");
  await listens(page, "By hand");
  assert.equal((await server.api("GET", `/monitors/${id}`)).script, before);
  await tabTo(() => document.activeElement.textContent === "Delete");
  await keyboard.press("Enter");
  await page.locator("#typed:focus").waitFor();
  await keyboard.type("By hand\n");
  await page.getByText("Deleted By hand.").waitFor();
  await tabTo(() => document.activeElement.textContent === "Undo");
  await keyboard.press("Enter");
  await listens(page, "By hand");
  await until(async () => (await server.names()).includes("By hand"), true);
});
