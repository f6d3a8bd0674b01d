// From an empty folder to a first alarm of one's own in a mailbox, by what the README says and nothing else. What somebody
// has to do is counted: one more thing to do is a step back.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { Server, binary, person, root, until } from "./harness.js";
import { service } from "./services.js";

// It was ten: a configuration was checked by a command of its own, and a new monitor stood there INACTIVE until its next tick, or
// until somebody pressed "Run now".
const MOST = 8;

const mailbox = `first-${randomUUID()}@example.com`;

test("from an empty folder to a first own alarm in a mailbox, knowing the README alone", { timeout: 240_000 }, async () => {
  const readme = readFileSync(path.join(root, "README.md"), "utf8");
  const [smtpPort, smtpFolder] = [service("REVERE_TEST_SMTP_PLAIN_PORT"), service("REVERE_TEST_SMTP_FOLDER")];
  const folder = await mkdtemp(path.join(tmpdir(), "revere-first-"));
  const done = [];
  const does = (what) => done.push(what);
  const server = new Server(folder, false);
  let who;
  try {
    for (const line of ["revere init", "revere run"]) assert.ok(readme.includes(`\n${line}`), line);
    does("command: revere init");
    const made = spawnSync(binary, ["init"], { cwd: folder, encoding: "utf8" });
    assert.equal(made.status, 0, made.stderr);

    // The example of a mail that stands there, without its `#`, with one's own server and mailbox.
    does("file: config.py");
    assert.ok(readme.includes("`on-call`"), "the README names the example");
    const file = path.join(folder, "config.py");
    const lines = (await readFile(file, "utf8")).split("\n");
    const begin = lines.indexOf("#    'on-call': {");
    const end = lines.indexOf("#    },", begin);
    assert.ok(begin > 0 && end > begin, "the example stands there");
    const own = { host: `'host': '127.0.0.1', 'port': ${smtpPort}, 'security': 'none',`, to: `'to': ['${mailbox}'],` };
    const mended = lines.slice(begin, end + 1).flatMap((line) => {
      const key = /^# +'(\w+)'/.exec(line)?.[1];
      if (key === "username" || key === "password") return [];
      return [own[key] ? line.slice(1).replace(/'.*/, own[key]) : line.slice(1)];
    });
    lines.splice(begin, end + 1 - begin, ...mended);
    await writeFile(file, lines.join("\n"));

    does("command: revere run");
    await server.start();

    who = await person(server);
    const { page } = who;
    does("page: the address that it printed");
    await page.goto("/");
    does("click: Create");
    await page.getByRole("link", { name: "Create a monitor" }).first().click();
    does("field: Name");
    await page.getByLabel("Name", { exact: true }).fill("Orders");
    does("field: Script");
    await page.locator(".cm-content").click();
    await page.keyboard.insertText("return_value = 3\nif return_value < 10:\n    raise MonitorFailure('3 orders in an hour')\n");
    does("click: Create");
    await page.getByRole("button", { name: /^Create/ }).click();
    await page.getByRole("heading", { name: "Orders" }).waitFor();

    const mail = () => readFile(path.join(smtpFolder, mailbox, "0.json"), "utf8").then(JSON.parse, () => null);
    await until(async () => (await mail()) !== null, true, "the mail is there");
    const { raw } = await mail();
    assert.match(raw, /^Subject: \[Revere Alarm\] ALARM Orders\r?$/m);
    assert.match(raw, /3 orders in an hour/);
    assert.ok(done.length <= MOST, `${done.length} things to do:\n${done.join("\n")}`);
  } finally {
    try {
      await who?.leave();
    } finally {
      if (server.process) await server.stop();
      await rm(folder, { recursive: true, force: true });
    }
  }
});
