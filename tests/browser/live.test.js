// The stream behind a page: it comes back after a restart, and many tabs share a browser's few connections.
import assert from "node:assert/strict";
import { serve, story, until } from "./harness.js";

const server = serve();

story("a page that lost its server says so, and goes on when it is back", server, {}, async ({ page, server, expects }) => {
  const id = await server.monitor({ name: "Survivor" });
  await page.goto("/");
  expects("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET");
  await server.stop();
  const offline = page.getByText("The server does not answer; trying again.");
  await offline.waitFor();
  await server.start();
  await offline.waitFor({ state: "hidden" });
  await server.api("PATCH", `/monitors/${id}`, { script: "raise MonitorFailure('after the restart')" });
  await server.api("POST", `/monitors/${id}/run`, {});
  await page.getByText("after the restart").waitFor();
});

const listening = async (server) => Number(/^revere_events_listeners (\d+)/m.exec(await (await fetch(`${server.base}/metrics`)).text())[1]);

story("tabs that nobody looks at hold no connection, and still count", server, {}, async ({ page, context, server }) => {
  const id = await server.monitor({ name: "Looked at by ten" });
  const tabs = [page];
  while (tabs.length < 10) {
    await tabs.at(-1).goto("/");
    // Headless, every tab is looked at; a person looks at one.
    await tabs.at(-1).evaluate(() => {
      Object.defineProperty(document, "hidden", { get: () => true });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    tabs.push(await context.newPage());
  }
  await tabs.at(-1).goto("/");
  await until(() => listening(server), 1);
  const before = Number(/^\((\d+)\)/.exec(await page.title())?.[1] ?? 0);
  await server.api("PATCH", `/monitors/${id}`, { script: "raise MonitorFailure('seen by ten')" });
  await server.api("POST", `/monitors/${id}/run`, {});
  await tabs.at(-1).getByText("seen by ten").waitFor();
  for (const tab of tabs) await until(() => tab.title(), `(${before + 1}) Monitors · Revere`);
});

story("ten windows side by side load, and are alive, though a browser has six connections for all of them", server, {}, async ({ page, context, server }) => {
  const id = await server.monitor({ name: "Side by side" });
  const windows = [page];
  while (windows.length < 10) windows.push(await context.newPage());
  for (const one of windows) await one.goto("/");
  await until(async () => (await listening(server)) <= 4, true, "few streams");
  await server.api("PATCH", `/monitors/${id}`, { script: "raise MonitorFailure('seen side by side')" });
  await server.api("POST", `/monitors/${id}/run`, {});
  for (const one of windows) await one.getByText("seen side by side").waitFor();
  // Who holds a stream goes; another takes the turn.
  for (const one of windows.slice(0, 3)) await one.close();
  await until(async () => (await listening(server)) >= 1, true);
  await server.api("PATCH", `/monitors/${id}`, { script: "raise MonitorFailure('and still')" });
  await server.api("POST", `/monitors/${id}/run`, {});
  for (const one of windows.slice(3)) await one.getByText("and still").waitFor();
});

story("who looks at a monitor sees that somebody edits it, pauses it and deletes it meanwhile", server, {}, async ({ page, context, server }) => {
  const id = await server.monitor({ name: "Edited by two" });
  await page.goto(`/monitor/${id}`);
  const list = await context.newPage();
  await list.goto("/?q=by+two");
  await list.locator(`#m${id}`, { hasText: "Edited by two" }).waitFor();
  assert.equal(await page.getByText("Somebody has edited this monitor.").count(), 0);
  await server.api("PATCH", `/monitors/${id}`, { name: "Edited by two others", schedule: "*/7 * * * *" });
  await list.locator(`#m${id}`, { hasText: "Edited by two others" }).waitFor();
  const notice = page.getByRole("status").getByText("Somebody has edited this monitor.");
  await notice.waitFor();
  await page.locator("#when").getByText("*/7 * * * *").waitFor();
  await page.getByRole("link", { name: "Show it as it is now" }).click();
  await page.getByRole("heading", { name: "Edited by two others" }).waitFor();
  assert.equal(await notice.count(), 0);
  await server.api("PATCH", `/monitors/${id}`, { active: false });
  await notice.waitFor();
  await server.api("DELETE", `/monitors/${id}`);
  await page.getByRole("status").getByText("Somebody has deleted this monitor.").waitFor();
});
