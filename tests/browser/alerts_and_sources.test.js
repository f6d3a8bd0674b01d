// Alerts and sources: who is told, what became of it, and where data comes from.
import assert from "node:assert/strict";
import { everywhere, fits, serve, story, until } from "./harness.js";

const server = serve().then(async (server) => {
  await server.monitor({ name: "Mail queue", script: "sources['shop'].names()\nraise MonitorFailure('51 are waiting')" });
  return server;
});
const alert = (page, key) => page.locator("[data-alert]", { has: page.locator("b", { hasText: key }) });

everywhere("what an alert tells is switched in place", server, async ({ page, server }) => {
  await page.goto("/alerts");
  const team = alert(page, "team");
  const states = async () => (await server.api("GET", "/alerts")).items.find((one) => one.key === "team").states;
  assert.deepEqual(await states(), ["OK", "ALARM", "ERROR"]);
  await team.getByLabel(/OK$/).uncheck();
  await team.getByText("Saved").waitFor();
  assert.deepEqual(await states(), ["ALARM", "ERROR"]);
  await team.getByLabel(/is on$/).uncheck();
  await team.getByText("switched off").waitFor();
  await team.getByLabel(/is on$/).check();
  await until(() => team.getByText("switched off").count(), 0);
  await page.reload();
  assert.equal(await team.getByLabel(/OK$/).isChecked(), false);
  await team.getByLabel(/OK$/).check();
  await until(states, ["OK", "ALARM", "ERROR"]);
});

story("a box that is ticked before the page's scripts listen is saved", server, {}, async ({ page, server }) => {
  let listen;
  const loaded = new Promise((resolve) => (listen = resolve));
  await page.route(/\/app[^/]*\.js/, (route) => loaded.then(() => route.continue()));
  await page.goto("/alerts", { waitUntil: "commit" });
  const team = alert(page, "team");
  const states = async () => (await server.api("GET", "/alerts")).items.find((one) => one.key === "team").states;
  const before = await states();
  await team.getByLabel(/OK$/).uncheck();
  assert.deepEqual(await states(), before);
  listen();
  await team.getByText("Saved").waitFor();
  assert.deepEqual(await states(), before.filter((state) => state !== "OK"));
  await server.api("PUT", "/alerts/team", { states: before });
});

story("boxes that are ticked one after another are all saved", server, {}, async ({ page, server }) => {
  await page.goto("/alerts");
  const team = alert(page, "team");
  const states = async () => (await server.api("GET", "/alerts")).items.find((one) => one.key === "team").states;
  const before = await states();
  let asked = 0;
  let answer;
  const ticked = new Promise((resolve) => (answer = resolve));
  await page.route("**/alert/team/edit", async (route) => {
    asked += 1;
    if (asked === 1) await ticked;
    await route.continue();
  });
  await team.getByLabel(/OK$/).uncheck();
  await team.getByLabel(/ERROR$/).uncheck();
  await team.getByLabel(/OK$/).check();
  answer();
  await until(states, ["OK", "ALARM"]);
  await until(() => asked, 2);
  await team.getByText("Saved").waitFor();
  assert.deepEqual([await team.getByLabel(/OK$/).isChecked(), await team.getByLabel(/ERROR$/).isChecked()], [true, false]);
  await server.api("PUT", "/alerts/team", { states: before });
});

everywhere("a test is sent, and the answer shown; the switches go on", server, async ({ page, server }) => {
  await page.goto("/alerts");
  await alert(page, "team").getByRole("button", { name: "Send a test" }).click();
  await alert(page, "team").getByText("The test was taken.").waitFor();
  await alert(page, "pager").getByRole("button", { name: "Send a test" }).click();
  await alert(page, "pager").getByText("The test was not taken.").waitFor();
  assert.match(await alert(page, "pager").innerText(), /400/);
  await alert(page, "pager").getByLabel(/OK$/).uncheck();
  await alert(page, "pager").getByText("Saved").waitFor();
  assert.match(await alert(page, "pager").innerText(), /Test/);
  await alert(page, "pager").getByLabel(/OK$/).check();
  await until(async () => (await server.api("GET", "/alerts")).items.find((one) => one.key === "pager").states.includes("OK"), true);
});

everywhere("what an alert would say is looked at, and other words are tried before they are configured", server, async ({ page, expects, server }) => {
  expects("422 .*preview", "Failed to load resource.*422");
  await page.goto("/alerts");
  await alert(page, "team").getByRole("link", { name: "Preview of team" }).click();
  await page.getByRole("heading", { name: "Preview", exact: true }).waitFor();
  const message = page.locator("#message");
  assert.match(await message.innerText(), /Mail queue[\s\S]*Message: 51 are waiting/);
  await fits(page);
  await page.locator("select[name=state]").selectOption("OK");
  await page.getByRole("button", { name: "Show" }).click();
  await message.getByText("an example").waitFor();
  assert.match(await message.innerText(), /ALARM -> OK[\s\S]*Lasted: /);
  const text = page.getByLabel(/^Text text/);
  await text.fill("{{ new_state }}:\n{{ monitor.nmae }}");
  await page.getByRole("button", { name: "Try", exact: true }).click();
  await page.getByText(/Line 2: .*did you mean 'name'\?/).waitFor();
  assert.equal(await text.inputValue(), "{{ new_state }}:\n{{ monitor.nmae }}", "nothing typed is lost");
  await fits(page);
  await text.fill("{{ new_state }}:\nit's {{ monitor.name }}");
  await page.getByRole("button", { name: "Try", exact: true }).click();
  await until(async () => (await message.innerText()).includes("OK:\nit's Mail queue"), true);
  assert.equal(await page.locator("#for-config").innerText(), "'text': '{{ new_state }}:\\n'\n        'it\\'s {{ monitor.name }}',\n");
  const before = (await server.api("GET", "/deliveries?alert=team")).items.length;
  await fits(page);
  assert.equal((await server.api("GET", "/deliveries?alert=team")).items.length, before, "nothing was sent");
});

for (const width of [1280, 390]) {
  story(`the log says who was told what, and what they answered, at ${width}`, server, { width }, async ({ page }) => {
    await page.goto("/alerts");
    const log = page.locator("#deliveries tbody tr:not(.day)");
    await until(async () => (await page.reload(), (await log.allInnerTexts()).map((row) => /delivered|failed/.exec(row)?.[0])), ["delivered", "delivered", "failed"]);
    assert.match(await log.first().innerText(), /team[\s\S]*instead of one that failed/, "whom the pager could not reach, the team was told of");
    assert.match(await log.last().innerText(), /pager[\s\S]*Mail queue[\s\S]*ALARM[\s\S]*400/);
    await fits(page);
    await page.getByLabel("Status", { exact: true }).selectOption("delivered");
    await page.getByRole("button", { name: "Show" }).click();
    await until(() => log.count(), 2);
  });
}

story("a failure of an alert that works again stays in sight, with the receiver's words", server, {}, async ({ page, server }) => {
  const id = await server.monitor({ name: "Once refused", script: "raise MonitorFailure('not taken')" });
  const fared = async () => (await server.api("GET", `/deliveries?monitor=${id}&alert=pager`)).items.map((one) => one.status);
  await until(fared, ["failed"]);
  server.refused.delete("/refused");
  await server.api("PATCH", `/monitors/${id}`, { script: "return_value = 1" });
  await server.api("POST", `/monitors/${id}/run`, {});
  await until(fared, ["delivered", "failed"]);
  server.refused.add("/refused");
  await page.goto("/alerts");
  const pager = await alert(page, "pager").innerText();
  assert.match(pager, /✓ delivered/);
  assert.match(pager, /✕ failed .*400 Bad Request: thank you \(POST http:\/\/127[^)]*\) All failures/);
  await alert(page, "pager").getByRole("link", { name: "All failures" }).click();
  await until(async () => (await page.locator("#deliveries .c-status").allInnerTexts()).every((status) => status.includes("failed")), true);
  await page.getByRole("link", { name: "Once refused" }).waitFor();
});

story("what is told is seen without reloading, on the alerts and on the monitor's page", server, {}, async ({ page, context, server }) => {
  const id = await server.monitor({ name: "Told meanwhile", runs: 0, script: "raise MonitorFailure('now')" });
  await page.goto(`/alerts?monitor=${id}&alert=team`);
  await page.getByText("Nothing fits.").waitFor();
  await alert(page, "team").getByRole("button", { name: "Send a test" }).click();
  await alert(page, "team").getByText("The test was taken.").waitFor();
  await server.api("POST", `/monitors/${id}/run`, {});
  await page.locator("#deliveries tbody tr").filter({ hasText: "Told meanwhile" }).first().getByText("✓ delivered").waitFor();
  await alert(page, "team").getByText("The test was taken.").waitFor();
  const other = await context.newPage();
  await other.goto(`/monitor/${id}`);
  const told = other.locator("#told li");
  const before = await told.count();
  await server.api("PATCH", `/monitors/${id}`, { script: "return_value = 1" });
  await server.api("POST", `/monitors/${id}/run`, {});
  await told.first().getByText("ALARM").waitFor();
  await until(async () => (await told.count()) > before, true);
});

story("what is unfolded of the log stays so when another delivery comes", server, {}, async ({ page, server }) => {
  const id = await server.monitor({ name: "Unfolded", script: "raise MonitorFailure('read this')" });
  const told = async () => (await server.api("GET", `/deliveries?monitor=${id}&alert=team`)).items.filter((one) => one.status === "delivered").length;
  // Its own, and instead of the pager.
  await until(told, 2);
  await page.goto(`/alerts?monitor=${id}&alert=team`);
  const rows = page.locator("#deliveries tbody tr:not(.day)");
  const unfolded = page.locator("#deliveries tbody tr").filter({ has: page.locator("details[open]") });
  await rows.first().locator("summary").click();
  const words = await unfolded.locator("pre").first().innerText();
  assert.match(words, /read this/);
  const newest = () => rows.first().locator(".c-told").innerText();
  const before = await newest();
  await server.api("PATCH", `/monitors/${id}`, { script: "return_value = 1" });
  await server.api("POST", `/monitors/${id}/run`, {});
  await until(async () => (await newest()) !== before, true, "another one is above it");
  assert.equal(await unfolded.count(), 1);
  assert.equal(await unfolded.locator("pre").first().innerText(), words);
  await server.api("DELETE", `/monitors/${id}`);
});

story("each source says how it does and who uses it", server, {}, async ({ page }) => {
  await page.goto("/sources");
  await page.getByRole("button", { name: "Check all" }).click();
  const of = (name) => page.locator(".rows > li", { hasText: `sources['${name}']` });
  await of("warehouse").getByText("✕ down").waitFor();
  assert.match(await of("shop").innerText(), /● up[\s\S]*last answer[\s\S]*Used by Mail queue/);
  assert.match(await of("warehouse").locator(".fault").innerText(), /\S{3}/);
});

everywhere("a source is asked something", server, async ({ page }) => {
  await page.goto("/sources");
  const shop = page.locator(".rows > li", { hasText: "sources['shop']" });
  await shop.getByText("Methods, and try a query").click();
  await shop.getByText("The average of the values of one series").waitFor();
  await shop.getByRole("textbox", { name: /^Python/ }).and(page.locator(".cm-content")).fill("print(sorted(sources['shop'].names())[0])");
  await shop.getByRole("button", { name: "Run" }).click();
  await shop.getByText("shop.names()", { exact: true }).waitFor();
  assert.match(await shop.locator(".log").innerText(), /^\w+\./);
});
