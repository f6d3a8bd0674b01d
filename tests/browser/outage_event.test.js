// A source that goes down under three monitors and comes back: people hear of one event, and each page says what waits for it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { after } from "node:test";
import { fits, serve, story, until } from "./harness.js";
import { look } from "./look.js";

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

const more = () => `REVERE_SOURCES['intranet'] = {'type': 'http', 'config': {'base_url': 'http://127.0.0.1:${port}'}}\n`;
// What one alert cannot tell is told by another: here none refuses.
const server = serve({ more }).then(async (server) => {
  await server.api("PUT", "/alerts/pager", { enabled: false });
  return server;
});
const asks = "return_value = sources['intranet'].get('/').status";
const names = ["Front page", "Search page", "Basket"];

// As if it had gone on for a minute: what is over sooner is told to nobody.
const aged = "import sqlite3\nfile = sqlite3.connect('revere.db', timeout=30)\nfile.execute('update source_outages set began_at = began_at - 60000000')\nfile.commit()";

// Twice, and no more: a source that goes down again and again flaps, and is told when it is calm.
for (const [width, theme] of [[1280, "light"], [390, "dark"]]) {
  story(`three monitors that wait for a source are one event, and so is its end, at ${width}, ${theme}`, server, { width, theme }, async ({ page, server }) => {
    const ids = [];
    for (const name of names) ids.push(await server.monitor({ name, script: asks }));
    const run = async () => {
      for (const id of ids) await server.api("POST", `/monitors/${id}/run`, {});
    };
    // What the first runs told is not what is looked at.
    const before = (await server.api("GET", "/deliveries?alert=team")).items[0]?.id ?? 0;
    const told = async () => (await server.api("GET", "/deliveries?alert=team")).items.filter((one) => one.id > before);
    await down();
    await run();
    await page.goto("/");
    await until(() => page.locator(".monitors").getByText("waiting for intranet").count(), names.length);
    await fits(page);
    await page.goto(`/monitor/${ids[0]}`);
    await page.locator("#stand").getByText(/waiting for/).waitFor();
    await fits(page);
    await page.goto("/sources");
    const notice = page.locator(".rows > li", { hasText: "sources['intranet']" }).locator(".notice");
    await notice.getByText(/^Down since/).waitFor();
    for (const name of names) assert.ok((await notice.innerText()).includes(name), name);
    assert.deepEqual(await look(page, "outage"), []);

    const ended = spawnSync("python3", ["-c", aged], { cwd: server.folder, encoding: "utf8" });
    assert.equal(ended.status, 0, ended.stderr);
    await until(async () => (await told()).length, 1, "one is told");
    assert.match(JSON.stringify((await told())[0]), /source intranet is down: connection refused[^"]*; 3 monitors wait for it/);
    await page.goto("/alerts");
    await page.locator("#deliveries").getByText(/intranet/).first().waitFor();

    await up();
    await run();
    await until(async () => (await told()).length, 2, "and its end");
    assert.match(JSON.stringify((await told())[0]), /source intranet is back after/);
    await page.goto("/");
    await until(() => page.getByText("waiting for intranet").count(), 0);
    await page.goto("/sources");
    await until(() => notice.count(), 0);
    for (const id of ids) await server.api("DELETE", `/monitors/${id}`);
  });
}
