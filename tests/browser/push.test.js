// Web Push: a browser asks to be notified, a push service opens what it is sent, and the service worker shows it.
import assert from "node:assert/strict";
import { after } from "node:test";
import { everywhere, serve, story, until } from "./harness.js";
import { look } from "./look.js";
import { deliver, exchanged, pushService, shown, subscribeAt } from "./push_service.js";

const more = () => "REVERE_ALERTS['browsers'] = {'type': 'web_push', 'config': {'services': ['127.0.0.1'], 'crowd_window': 0}}\n";
// What one alert cannot tell is told by another: here none refuses.
const server = serve({ more }).then(async (server) => {
  await server.api("PUT", "/alerts/pager", { enabled: false });
  return server;
});
const service = await pushService();
after(() => service.stop());

everywhere("a browser asks, is told, shows it and goes", server, async ({ page, context, server }) => {
  await context.grantPermissions(["notifications"], { origin: server.base });
  const hashes = await subscribeAt(context, service);
  await page.goto("/alerts");
  await page.getByRole("heading", { name: "Browsers notified by browsers" }).waitFor();
  await page.getByText("No browser has asked to be notified yet.").waitFor();
  await page.getByRole("button", { name: "Notify this browser" }).waitFor();
  assert.deepEqual(await look(page, "push_nobody"), []);
  await page.getByRole("button", { name: "Notify this browser" }).click({ noWaitAfter: true });
  const row = page.locator("[data-browser]");
  await row.getByText("this browser").waitFor();
  assert.equal(await page.getByRole("button", { name: "Notify this browser" }).isVisible(), false);
  assert.match(await row.innerText(), /Chrome[\s\S]*never/);
  const [[scope, hash]] = Object.entries(hashes);
  assert.match(scope, /^http:\/\/127\.0\.0\.1:\d+\/push\/[0-9a-f]{16}\/$/);

  // A test, and a real change of state, arrive at the push service, which opens them.
  await page.getByRole("button", { name: "Send a test by browsers" }).click();
  await page.locator("[data-alert=browsers]").getByText("1 browser", { exact: true }).waitFor();
  const id = await server.monitor({ name: "Queue <b>", script: "raise MonitorFailure('51 are waiting')" });
  await until(async () => service.told(hash).length, 2);
  const [test, alarm] = service.told(hash);
  assert.equal(test.title, "Test: ALARM Test of an alert");
  assert.deepEqual([alarm.title, alarm.state, alarm.urgent], ["ALARM Queue <b>", "ALARM", true]);
  assert.equal(alarm.text, "51 are waiting");
  assert.match(alarm.url, new RegExp(`/monitor/${id}/run/\\d+$`));
  await until(async () => (await page.reload(), /never/.test(await row.locator("td").nth(3).innerText())), false);
  assert.deepEqual(await look(page, "push"), []);

  // The service worker shows it, once; the end takes its place.
  for (const message of [alarm, alarm]) await deliver(page, server, message);
  await until(() => shown(page), [{ title: alarm.title, body: alarm.text, tag: alarm.tag, url: alarm.url, requireInteraction: true }]);
  await server.api("PATCH", `/monitors/${id}`, { script: "return_value = 1" });
  await server.api("POST", `/monitors/${id}/run`, {});
  await until(async () => service.told(hash).length, 3);
  const end = service.told(hash)[2];
  assert.equal(end.tag, alarm.tag);
  await deliver(page, server, end);
  const ended = [{ title: "OK Queue <b>", body: end.text, tag: end.tag, url: end.url, requireInteraction: false }];
  await until(() => shown(page), ended);
  // What comes late changes nothing.
  await deliver(page, server, { ...alarm, at: end.at - 1 });
  await until(() => shown(page), ended);

  await page.getByRole("button", { name: /^Remove/ }).click();
  await page.getByText("No browser has asked to be notified yet.").waitFor();
  await page.getByRole("button", { name: "Notify this browser" }).waitFor();
  await server.api("DELETE", `/monitors/${id}`);
});

story("a browser that exchanges its subscription is told at the new one, or says that it is not", server, {}, async ({ page, context, server }) => {
  await context.grantPermissions(["notifications"], { origin: server.base });
  const hashes = await subscribeAt(context, service);
  await page.goto("/alerts");
  await page.getByRole("button", { name: "Notify this browser" }).click({ noWaitAfter: true });
  await page.locator("[data-browser]").getByText("this browser").waitFor();
  const [before] = Object.values(hashes);
  const key = (await server.api("GET", "/alerts/browsers/browsers")).public_key;
  const made = await service.model.subscribe({ userVisibleOnly: "true", applicationServerKey: key });
  await exchanged(context, { endpoint: made.endpoint, keys: made.keys });
  const listed = (await server.api("GET", "/alerts/browsers/browsers")).items;
  assert.deepEqual(listed.map(({ name }) => name), [listed[0].name, listed[0].name], "it is called as the page called it");
  const told = service.told(before).length;
  await server.api("POST", "/alerts/browsers/test", {});
  assert.equal(service.told(made.clientHash).length, 1);
  assert.equal(service.told(before).length, told + 1, "the old one goes once its push service says that it is over");

  // An alert that is not there any more, a log-in that is over: the person is told.
  const [worker] = context.serviceWorkers();
  await worker.evaluate(() => (self.fetch = async () => new Response("{}", { status: 401 })));
  await exchanged(context, { endpoint: made.endpoint, keys: made.keys });
  await until(() => shown(page).then((all) => all.filter(({ tag }) => tag === "revere-subscription").length), 1);
  for (const { id } of listed) await server.api("DELETE", `/browsers/${id}`);
});

story("a browser that blocks notifications is told what to do", server, {}, async ({ page, context }) => {
  await context.addInitScript(() => Object.defineProperty(Notification, "permission", { get: () => "denied" }));
  await page.goto("/alerts");
  await page.getByText("This browser blocks notifications from this site").waitFor();
  assert.equal(await page.getByRole("button", { name: "Notify this browser" }).isVisible(), false);
});

story("a page that does not come by https says so", server, {}, async ({ page, context }) => {
  await context.addInitScript(() => Object.defineProperty(window, "isSecureContext", { get: () => false }));
  await page.goto("/alerts");
  await page.getByText("can be notified only where it comes by https").waitFor();
  assert.equal(await page.getByRole("button", { name: "Notify this browser" }).isVisible(), false);
});

story("without scripts the page says what it takes", server, { scripts: false }, async ({ page }) => {
  await page.goto("/alerts");
  await page.getByText("is found out by the scripts of this page").waitFor();
  assert.equal(await page.getByRole("button", { name: "Notify this browser" }).isVisible(), false);
});
