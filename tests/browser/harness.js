// What every story here stands on: the real binary with a folder and a free port of its own, a real Chromium, and a
// witness of everything that went wrong on a page. A story that leaves an error in the console, breaks the content
// policy, asks another host or loses a request has failed, whatever it asserts.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "../..");
export const binary = process.env.REVERE_BIN ?? path.join(root, "target/debug/revere");
// How long anything may take; machines that build something beside it are slow.
const PATIENCE = 45_000;

// Text of others as a literal of Python.
export const python = (text) => JSON.stringify(text).replace(/[\u007f-\uffff]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);

// A source that always answers, one that never does; an alert that is taken, one that is refused.
const config = (receiver) => `
REVERE_SOURCES = {
    'shop': {'type': 'demo', 'description': 'A made-up shop', 'config': {}},
    'warehouse': {'type': 'database', 'description': 'Down, on purpose',
        'config': {'connection_string': 'postgresql://revere@127.0.0.1:9/warehouse', 'timeout': 2}},
}
REVERE_ALERTS = {
    'team': {'type': 'webhook', 'description': 'Taken', 'config': {'url': '${receiver}/taken'}},
    'pager': {'type': 'webhook', 'description': 'Refused', 'config': {'url': '${receiver}/refused'}},
}
`;

// One server for a file of stories; it stops with the file. `demo` is the product's own; `more` makes further lines of
// config.py from the receiver's address. What the receiver refuses, a story may change.
export async function serve({ demo = false, reply = "thank you", more = () => "" } = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), "revere-browser-"));
  const refused = new Set(["/refused"]);
  const receiver = createServer((request, answer) => {
    request.resume();
    answer.writeHead(refused.has(request.url) ? 400 : 200, { "content-type": "text/plain" });
    answer.end(reply);
  }).listen(0, "127.0.0.1");
  await once(receiver, "listening");
  const address = `http://127.0.0.1:${receiver.address().port}`;
  await writeFile(path.join(folder, "config.py"), config(address) + more(address));
  const server = Object.assign(new Server(folder, demo), { refused });
  await server.start();
  after(async () => {
    await server.stop();
    receiver.close();
    receiver.closeAllConnections();
    await rm(folder, { recursive: true, force: true });
  });
  return server;
}

export class Server {
  port = 0;

  constructor(folder, demo) {
    Object.assign(this, { folder, demo });
  }

  // The port that was free the first time is kept, so that a browser finds the server again.
  async start() {
    const order = this.demo ? "demo" : "run";
    this.process = spawn(binary, [order, "-p", String(this.port)], { cwd: this.folder, stdio: ["ignore", "pipe", "pipe"] });
    const said = [];
    const address = new Promise((resolve, reject) => {
      for (const stream of [this.process.stdout, this.process.stderr]) {
        createInterface({ input: stream }).on("line", (line) => {
          said.push(line);
          const found = /(?:listening|running)[^:]* on .*?http:\/\/127\.0\.0\.1:(\d+)/.exec(line.replace(/\x1b\[\d*m/g, ""));
          if (found) resolve(Number(found[1]));
        });
      }
      this.process.once("exit", (code) => reject(new Error(`the server ended with ${code}:\n${said.join("\n")}`)));
      this.process.once("error", reject);
    });
    this.port = await address;
    this.base = `http://127.0.0.1:${this.port}`;
  }

  async stop() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, "exit");
    this.process.kill("SIGTERM");
    const impatient = setTimeout(() => this.process.kill("SIGKILL"), PATIENCE);
    await ended;
    clearTimeout(impatient);
  }

  async api(method, address, body) {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${this.base}/api/v1${address}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${address}: ${answer.status} ${text}`);
    return text && JSON.parse(text);
  }

  // A monitor, run as often as `runs` says; answers its id.
  async monitor({ runs = 1, ...spec }) {
    const whole = { name: "Queue", script: "return_value = 7", schedule: "@yearly", ...spec };
    const { id } = await this.api("POST", "/monitors", whole);
    for (let run = 0; run < runs; run += 1) await this.api("POST", `/monitors/${id}/run`, {});
    return id;
  }

  // As if an hour had gone by since anybody showed who they are.
  proofsEnd() {
    const program = "import sqlite3\nfile = sqlite3.connect('revere.db', timeout=30)\nfile.execute('update sessions set proved_at = proved_at - 3600000000')\nfile.commit()";
    const ended = spawnSync("python3", ["-c", program], { cwd: this.folder, encoding: "utf8" });
    assert.equal(ended.status, 0, ended.stderr);
  }

  // Somebody who may log in, with this password.
  add(name, role, password) {
    const added = spawnSync(binary, ["user", "add", name, "--role", role, "--password-stdin"], { cwd: this.folder, input: password, encoding: "utf8" });
    assert.equal(added.status, 0, added.stderr);
  }

  async names() {
    return (await this.api("GET", "/monitors")).items.map((monitor) => monitor.name);
  }
}

let browser;
async function theBrowser() {
  const args = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
  browser ??= chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: args.split(" ") });
  return browser;
}
after(async () => (await browser)?.close());

// A click, or Enter, is over when the page that answers it stands there, with its scripts run: what a story looks for next may
// have stood on the page before as well, and what it presses next is heard by nobody before. `noWaitAfter` is for stories that
// look at what is under way.
const scripted = new WeakSet();
const ARRIVES = /^(Enter|Control\+s)$/;
async function arrived(page) {
  if (page.isClosed()) return;
  if (!scripted.has(page.context())) return void (await page.waitForLoadState());
  await page.waitForFunction(() => !window.leaving && document.readyState === "complete" && !document.querySelector("form[data-sent]"));
}

// In the page, after all that its own scripts do: whether a link or a form leads away from it.
function noteLeaving() {
  const here = (address) => address.split("#")[0];
  addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || link.target || link.hasAttribute("download")) return;
    if (!link.href.includes("#") || here(link.href) !== here(location.href)) window.leaving = true;
  });
  addEventListener("submit", (event) => {
    if (!event.defaultPrevented && event.target.getAttribute("method") !== "dialog") window.leaving = true;
  });
  // Who goes back may find the page as they left it.
  addEventListener("pageshow", (event) => event.persisted && (window.leaving = false));
}

let waiting = false;
function clicksArrive(page) {
  if (waiting) return;
  waiting = true;
  const locators = Object.getPrototypeOf(page.locator("html"));
  const { click } = locators;
  locators.click = async function (wishes = {}) {
    await click.call(this, wishes);
    if (!wishes.noWaitAfter && !wishes.trial) await arrived(this.page());
  };
}
function keysArrive(page) {
  const { keyboard } = page;
  const { press, type } = keyboard;
  keyboard.press = async (key, wishes) => {
    await press.call(keyboard, key, wishes);
    if (ARRIVES.test(key)) await arrived(page);
  };
  keyboard.type = async (text, wishes) => {
    await type.call(keyboard, text, wishes);
    if (text.endsWith("\n")) await arrived(page);
  };
}

// A person with a browser of their own; `leave` says what went wrong unnoticed.
export async function person(server, { width = 1280, height = width < 500 ? 844 : 860, theme = "light", scripts = true, touch = false } = {}) {
  const context = await (await theBrowser()).newContext({
    baseURL: server.base,
    viewport: { width, height },
    colorScheme: theme,
    javaScriptEnabled: scripts,
    hasTouch: touch,
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
  });
  context.setDefaultTimeout(PATIENCE);
  const faults = [];
  const expected = [];
  const note = (words) => expected.some((known) => known.test(words)) || faults.push(words);
  if (scripts) {
    await context.exposeBinding("tellOfViolation", (_, words) => note(`policy: ${words}`));
    await context.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event) => window.tellOfViolation(`${event.violatedDirective} ${event.blockedURI}`));
    });
    await context.addInitScript(noteLeaving);
    scripted.add(context);
  }
  context.on("page", (page) => {
    page.setDefaultTimeout(PATIENCE);
    clicksArrive(page);
    keysArrive(page);
    page.on("console", (message) => message.type() === "error" && note(`console: ${message.text()} ${message.location().url}`));
    page.on("pageerror", (error) => note(`script: ${error.stack}`));
    page.on("crash", () => note("the page crashed"));
    page.on("request", (request) => {
      if (!request.url().startsWith(server.base) && !request.url().startsWith("data:")) note(`another host: ${request.url()}`);
    });
    page.on("response", (answer) => answer.status() >= 400 && note(`answer: ${answer.status()} ${answer.url()}`));
    page.on("requestfailed", (request) => {
      const why = request.failure()?.errorText;
      if (why !== "net::ERR_ABORTED") note(`lost: ${request.url()} ${why}`);
    });
  });
  const page = await context.newPage();
  // What a story brings about on purpose, such as a refused save, is named by it.
  const expects = (...patterns) => expected.push(...patterns.map((one) => new RegExp(String(one))));
  const leave = async () => {
    await context.close();
    assert.deepEqual(faults, []);
  };
  return { page, context, expects, leave };
}

// A test with one person in it. `wishes` are those of `person`, and `server` (a promise or a server).
export function story(name, server, wishes, act) {
  test(name, { timeout: 480_000 }, async () => {
    const who = await person(await server, wishes);
    try {
      await act({ ...who, server: await server });
    } catch (error) {
      await who.leave().catch((also) => (error.message += `\nand: ${also.message}`));
      throw error;
    }
    await who.leave();
  });
}

// A journey that has to succeed on every screen: wide and narrow, light and dark. A theme changes colours and nothing else
// (web/test/themes.test.js), so that each width has one of them; `look` sees every place in both. It leaves the server as it
// found it.
export const SCREENS = [
  [1280, "light"],
  [390, "dark"],
];
export function everywhere(name, server, act) {
  for (const [width, theme] of SCREENS) story(`${name}, at ${width}, ${theme}`, server, { width, theme }, act);
}

// Keys are heard once the page's scripts have run: the last thing the first of them does before it listens is to show this.
export async function listens(page, heading) {
  await page.getByRole("heading", { name: heading }).waitFor();
  // Where there is no room for the button it is not seen, and the key is heard all the same.
  await page.locator("[data-help]:not([hidden])").waitFor({ state: "attached" });
}

// Nothing is wider than the window: nobody has to scroll a page sideways.
export async function fits(page) {
  const wide = await page.evaluate(() => {
    const room = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= room) return [];
    return [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > room + 1).slice(0, 5).map((one) => one.outerHTML.slice(0, 120));
  });
  assert.deepEqual(wide, [], `${page.url()} is wider than the window`);
}

// Waits until `read` answers what is expected; says what it answered last.
export async function until(read, expected, what = "") {
  const end = Date.now() + PATIENCE;
  for (;;) {
    try {
      // A page that is on its way to another cannot be read; it is read again.
      return assert.deepEqual(await read(), expected, what);
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
