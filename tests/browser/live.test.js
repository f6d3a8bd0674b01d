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

story("ten open tabs are all alive: those nobody looks at hold no connection, and still count", server, {}, async ({ page, context, server }) => {
  const id = await server.monitor({ name: "Looked at by ten" });
  const tabs = [page];
  for (const tab of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
    await tabs.at(-1).goto("/");
    // Headless, every tab is looked at; a person looks at one.
    await tabs.at(-1).evaluate(() => {
      Object.defineProperty(document, "hidden", { get: () => true });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    tabs.push(await context.newPage());
    assert.equal(tabs.length, tab + 1);
  }
  await tabs.at(-1).goto("/");
  const before = Number(/^\((\d+)\)/.exec(await page.title())?.[1] ?? 0);
  await server.api("PATCH", `/monitors/${id}`, { script: "raise MonitorFailure('seen by ten')" });
  await server.api("POST", `/monitors/${id}/run`, {});
  await tabs.at(-1).getByText("seen by ten").waitFor();
  for (const tab of tabs) await until(() => tab.title(), `(${before + 1}) Monitors · Revere`);
});
