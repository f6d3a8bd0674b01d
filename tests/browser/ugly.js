// What nobody would make up for a picture, as it is: monitors (the server's own tests use the same), sources and alerts with
// long names, thousands of deliveries. Any story can begin with it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { root, serve, until } from "./harness.js";

const monitors = JSON.parse(await readFile(path.join(root, "crates/server/tests/ugly_monitors.json"), "utf8"));

// Makes them all and runs them; answers their ids by name.
export async function uglyMonitors(server) {
  const ids = {};
  for (const { spec, runs } of monitors) ids[spec.name] = await server.monitor({ ...spec, runs });
  return ids;
}

// The names that the configuration below has.
export const longAlert = `the-people-on-call-for-${"everything-".repeat(9)}at-night`;
export const longSource = `warehouse-of-${"all-the-goods-".repeat(7)}of-the-shop`;

const more = (receiver) => `
_words = 'Whoever is asked first, and then whoever is asked after that, unless it is a holiday in the capital. ' * 6
REVERE_ALERTS['${longAlert}'] = {'type': 'webhook', 'description': _words, 'config': {'url': '${receiver}/taken'}}
REVERE_ALERTS['off'] = {'type': 'log', 'description': 'Not now', 'enabled': False}
REVERE_SOURCES['${longSource}'] = {'type': 'http', 'description': _words, 'config': {'base_url': '${receiver}'}}
REVERE_SOURCES['off'] = {'type': 'demo', 'description': 'Not now', 'enabled': False, 'config': {}}
`;

// As if what was delivered had been delivered again and again.
const deliveredAgain = `
import sqlite3, sys, uuid
file = sqlite3.connect('revere.db', timeout=30)
columns = ', '.join(row[1] for row in file.execute('pragma table_info(deliveries)') if row[1] not in ('id', 'key'))
settled = [row[0] for row in file.execute("select id from deliveries where settled_at is not null order by id")]
assert settled, 'nothing was delivered'
with file:
    for number in range(int(sys.argv[1])):
        which = settled[number % len(settled)]
        file.execute(f'insert into deliveries ({columns}, key) select {columns}, ? from deliveries where id = ?', (str(uuid.uuid4()), which))
`;

// A server with all of it, at rest. A story leaves it as it found it, or works with what others leave.
export function uglyServer({ deliveries = 3000 } = {}) {
  return serve({ more, reply: "taken, and put where all the others are, ".repeat(20) }).then(async (server) => {
    const ids = await uglyMonitors(server);
    await until(async () => (await server.api("GET", "/deliveries?limit=100")).items.every((one) => one.settled_at !== null), true, "all is delivered");
    const ended = spawnSync("python3", ["-c", deliveredAgain, String(deliveries)], { cwd: server.folder, encoding: "utf8" });
    assert.equal(ended.status, 0, ended.stderr);
    await server.api("PATCH", `/monitors/${longest(ids)}`, { note: "a note ".repeat(70).trim(), alarm_after: 1, description: `Changed. ${monitors[0].spec.description}` });
    return Object.assign(server, { ids });
  });
}

// The id of the one with the longest name.
export const longest = (ids) => ids[Object.keys(ids).find((name) => name.length === 200)];

// Every kind of page there is, by name.
export async function uglyPages(server) {
  const id = longest(server.ids);
  const { items } = await server.api("GET", `/monitors/${server.ids.Division}/runs`);
  const of = `/monitor/${id}`;
  return {
    list: "/",
    searched: "/?q=batch&sort=-value",
    monitor: of,
    markup: `/monitor/${Object.entries(server.ids).find(([name]) => name.startsWith("<b>"))[1]}`,
    one_word: `/monitor/${Object.entries(server.ids).find(([name]) => name.startsWith("Donau"))[1]}`,
    no_value: `/monitor/${server.ids["No value"]}`,
    who: `${of}/who`,
    delete: `${of}/delete`,
    run: `/monitor/${server.ids.Division}/run/${items[0].id}`,
    history: `${of}/history`,
    versions: `${of}/versions`,
    version: `${of}/versions/1`,
    difference: `${of}/difference`,
    edit: `${of}/edit`,
    create: "/create",
    alerts: "/alerts",
    alert: `/alert/${longAlert}/edit`,
    preview: `/alert/${longAlert}/preview?monitor=${id}`,
    not_told: "/alerts/not-told",
    mutes: `/mutes?monitor=${id}`,
    sources: "/sources",
    deleted: "/deleted",
    server: "/server",
    audit: "/audit",
    guide: "/guides/MONITORS.md",
  };
}

// Pages of the kinds above with other values: texts, numbers of every size, an alert that fails.
export const uglyTexts = ({ ids }) => ({
  tagged: "/?tag=batch",
  text: `/monitor/${ids["Text value"]}`,
  text_history: `/monitor/${ids["Text value"]}/history`,
  largest: `/monitor/${ids["Largest float"]}`,
  bytes: `/monitor/${ids["Bytes free"]}`,
  refused_alert: "/alert/pager/edit",
  refused_preview: "/alert/pager/preview?monitor=1",
});

// A page is there when its chart is, if it has one, and its editor.
export async function open(page, address) {
  await page.goto(address);
  for (const [box, part] of [["[data-chart]", ".chart canvas"], ["form[data-author]", ".cm-editor"]]) {
    if (await page.locator(box).count()) await page.locator(part).first().waitFor();
  }
}

// Words that are printed over other words, as far as both are to be seen.
export const overprinted = (page) =>
  page.evaluate(() => {
    const seen = [];
    const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = words.nextNode(); node; node = words.nextNode()) {
      const of = node.parentElement;
      if (!node.data.trim() || of.closest("svg, .unseen, .skip, .cm-editor, select, datalist, script, noscript") || !of.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const rooms = [];
      let above = false;
      for (let up = of; up && up !== document.body; up = up.parentElement) {
        const style = getComputedStyle(up);
        // What stays in the window while the page is scrolled is above what goes by.
        if (["sticky", "fixed"].includes(style.position)) above = true;
        if (style.overflowX !== "visible" || style.overflowY !== "visible") rooms.push(up.getBoundingClientRect());
      }
      if (above) continue;
      for (const box of range.getClientRects()) {
        const part = { left: box.left, right: box.right, top: box.top, bottom: box.bottom };
        for (const room of rooms) {
          part.left = Math.max(part.left, room.left);
          part.right = Math.min(part.right, room.right);
          part.top = Math.max(part.top, room.top);
          part.bottom = Math.min(part.bottom, room.bottom);
        }
        if (part.right - part.left > 3 && part.bottom - part.top > 4) seen.push({ node, ...part });
      }
    }
    const found = [];
    seen.sort((a, b) => a.top - b.top);
    for (let one = 0; one < seen.length; one += 1) {
      for (let other = one + 1; other < seen.length && seen[other].top < seen[one].bottom - 4; other += 1) {
        const [a, b] = [seen[one], seen[other]];
        if (a.node === b.node) continue;
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (across > 3 && down > 4) found.push(`${a.node.data.trim().slice(0, 30)} and ${b.node.data.trim().slice(0, 30)}`);
      }
    }
    return found.slice(0, 5);
  });
