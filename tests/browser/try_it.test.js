// The author's page as a whole: what is in sight of it, and what a try-out shows of a server with a certificate.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { after } from "node:test";
import { everywhere, fits, serve, story, until } from "./harness.js";

// A server with a certificate of its own making, good for ten days.
const folder = mkdtempSync(path.join(tmpdir(), "revere-tls-"));
const [key, cert] = ["key.pem", "certificate.pem"].map((name) => path.join(folder, name));
const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"];
const made = spawnSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "10", ...names, "-keyout", key, "-out", cert], { encoding: "utf8" });
assert.equal(made.status, 0, made.stderr);
const intranet = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, answer) => {
  answer.writeHead(200, { "content-type": "text/plain", "x-served-by": "the intranet" });
  answer.end("All is well here, and has been since this morning");
}).listen(0, "127.0.0.1");
await once(intranet, "listening");
after(() => {
  intranet.close();
  intranet.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

// Six sources, each with examples to start from: as many as are ever offered.
const more = () => `
REVERE_SOURCES['intranet'] = {'type': 'http', 'config': {'base_url': 'https://127.0.0.1:${intranet.address().port}', 'ca_file': '${cert}'}}
for _name in ['archive', 'ledger', 'orders']:
    REVERE_SOURCES[_name] = {'type': 'database', 'config': {'connection_string': 'sqlite:///revere.db'}}
`;
const server = serve({ more });

everywhere("an answer of a server with a certificate is read at a glance, with its body, its headers and the certificate", server, async ({ page }) => {
  await page.goto("/create");
  await page.locator(".cm-content").click();
  await page.keyboard.insertText("page = sources['intranet'].get('/')\nreturn_value = round(page.tls.days_left)\n");
  await page.getByRole("button", { name: /^Run once/ }).click();
  const outcome = page.locator("#outcome");
  await outcome.getByText(/^200 OK · [\d.]+ m?s · 49 B$/).waitFor();
  await outcome.getByText("All is well here, and has been since this morning", { exact: true }).waitFor();
  await outcome.getByText("Headers and certificate").click();
  await outcome.getByText("the intranet", { exact: true }).waitFor();
  assert.match(await outcome.locator("dl.headers").innerText(), /certificate\s+until \d+ \w{3} \d{4} UTC, (9\.9|10\.0) days left/);
  assert.match(await outcome.innerText(), /return_value\s+10/);
  await fits(page);
});

// Wholly to be seen, between the top of the window and the bar with the button that saves.
const inSight = (page, label) =>
  page.getByLabel(label, { exact: true }).evaluate((one) => {
    const box = one.getBoundingClientRect();
    return box.top >= 0 && box.bottom <= document.querySelector(".save").getBoundingClientRect().top;
  });

story("description and tags are in sight in a window of 720 pixels, however many examples are offered", server, { height: 720 }, async ({ page, server }) => {
  const id = await server.monitor({ name: "Short", script: "return_value = 1\n", runs: 0 });
  for (const address of ["/create", `/monitor/${id}/edit`]) {
    await page.goto(address);
    await page.locator(".cm-editor").waitFor();
    assert.ok((await page.locator(".starts a").count()) >= 10 || address !== "/create", "many examples");
    for (const label of ["Description", "Tags"]) await until(() => inSight(page, label), true, `${label} of ${address}`);
  }
  // The editor grows with its text, and what is below makes room.
  await page.goto("/create");
  const editor = page.locator(".editor");
  const empty = (await editor.boundingBox()).height;
  await page.locator(".cm-content").click();
  await page.keyboard.insertText("x = 1\n".repeat(40));
  await until(async () => (await editor.boundingBox()).height > empty + 150, true);
});

story("what an empty script shows in grey asks a source that is there", server, {}, async ({ page }) => {
  await page.goto("/create");
  const grey = await page.locator(".cm-placeholder").innerText();
  assert.match(grey, /sources\["archive"\]/);
  await page.getByRole("link", { name: "archive: number of rows" }).click();
  await page.getByRole("button", { name: /^Run once/ }).click();
  await page.locator("#outcome .state-ok").waitFor();
});
