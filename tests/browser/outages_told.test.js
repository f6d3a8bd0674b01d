// A source that is down: told once, and its monitors are shown to wait for it, until it is back.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after } from "node:test";
import { everywhere, fits, serve, story, until } from "./harness.js";
import { look } from "./look.js";

// Longer than what is down is waited for before anybody hears of it.
const TOLD_WITHIN_MS = 150_000;

let intranet;
let port = 0;
async function up() {
  intranet = createServer((request, answer) => answer.end("well")).listen(port, "127.0.0.1");
  await once(intranet, "listening");
  port = intranet.address().port;
}
async function down() {
  const closed = once(intranet, "close");
  intranet.close();
  intranet.closeAllConnections();
  await closed;
}
await up();
after(() => intranet.listening && down());

const more = () => `
REVERE_SOURCES['intranet'] = {'type': 'http', 'config': {'base_url': 'http://127.0.0.1:${port}'}}
`;
// What one alert cannot tell is told by another: here none refuses.
const server = serve({ more }).then(async (server) => {
  await server.api("PUT", "/alerts/pager", { enabled: false });
  return server;
});
const asks = "return_value = sources['intranet'].get('/').status";
const names = ["Front page", "Search page", "Basket"];
const run = (server, id) => server.api("POST", `/monitors/${id}/run`, {});

everywhere("monitors that wait for a source say so everywhere, and no longer once it is back", server, async ({ page, server }) => {
  const ids = [];
  for (const name of names) ids.push(await server.monitor({ name, script: asks }));
  await down();
  for (const id of ids) await run(server, id);
  await page.goto("/");
  await until(() => page.locator(".monitors").getByText("waiting for intranet").count(), names.length);
  await fits(page);
  await page.goto(`/monitor/${ids[0]}`);
  await page.locator("#stand, main").getByText(/waiting for/).first().waitFor();
  await fits(page);
  await page.goto("/sources");
  const notice = page.locator("li", { hasText: "sources['intranet']" }).locator(".notice");
  await notice.getByText(/^Down since/).waitFor();
  for (const name of names) assert.ok((await notice.innerText()).includes(name), name);
  assert.deepEqual(await look(page, "outage", `${page.viewportSize().width}`), []);
  await up();
  for (const id of ids) await run(server, id);
  await page.goto("/");
  await until(() => page.getByText("waiting for intranet").count(), 0);
  await page.goto("/sources");
  await until(() => notice.count(), 0);
  for (const id of ids) await server.api("DELETE", `/monitors/${id}`);
});

story("people hear of one event in the place of three, and of its end", server, {}, async ({ page, server }) => {
  const ids = [];
  for (const name of names) ids.push(await server.monitor({ name, script: asks }));
  const before = (await server.api("GET", "/deliveries?alert=team")).items.length;
  await down();
  for (const id of ids) await run(server, id);
  const end = Date.now() + TOLD_WITHIN_MS;
  const told = async () => (await server.api("GET", "/deliveries?alert=team")).items.slice(0, -before || undefined);
  while ((await told()).length === 0) {
    assert.ok(Date.now() < end, "nobody was told of the source");
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const [event, ...others] = await told();
  assert.match(JSON.stringify(event), /source intranet is down: connection refused; 3 monitors wait for it/);
  assert.deepEqual(others, [], "and of nothing else");
  await page.goto("/alerts");
  await page.locator("#deliveries").getByText(/intranet/).first().waitFor();
  await up();
  for (const id of ids) await run(server, id);
  await until(async () => /source intranet is back after/.test(JSON.stringify((await told())[0])), true);
  assert.equal((await told()).length, 2, "one beginning, one end");
  for (const id of ids) await server.api("DELETE", `/monitors/${id}`);
});
