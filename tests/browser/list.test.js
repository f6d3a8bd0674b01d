// `/`: what is wrong now, found, filtered, and changed many at once.
import assert from "node:assert/strict";
import { everywhere, fits, serve, story, until } from "./harness.js";

const server = serve().then(async (server) => {
  await server.monitor({ name: "Web load", tags: ["web", "production"], runs: 3 });
  await server.monitor({ name: "Mail queue", tags: ["mail"], script: "raise MonitorFailure('51 mails are waiting')" });
  await server.monitor({ name: "Orders", tags: ["production"], script: "return_value = 1 / 0" });
  await server.monitor({ name: "Not run yet", runs: 0 });
  return server;
});
const names = (page) => page.locator(".monitors .name").allTextContents();
const address = (page) => page.url().slice(page.url().indexOf("/", 8));

for (const width of [1280, 390]) {
  story(`what is wrong stands first, at ${width}`, server, { width }, async ({ page }) => {
    await page.goto("/");
    assert.deepEqual(await names(page), ["Mail queue", "Orders", "Web load", "Not run yet"]);
    const first = page.locator(".monitors tbody tr").first();
    assert.match(await first.innerText(), /ALARM[\s\S]*51 mails are waiting|51 mails are waiting[\s\S]*ALARM/);
    assert.match(await page.title(), /^\(2\) Monitors/);
    assert.equal(await page.locator("link[rel=icon]").getAttribute("href"), "/icon.svg?failing=2");
    await fits(page);
  });
}

for (const width of [1280, 390]) {
  story(`how it has been going is drawn beside each name and said in words, at ${width}`, server, { width }, async ({ page, server }) => {
    const counting = "n = 1 + (previous.return_value if previous else 0)\nreturn_value = n\nif n == 2:\n    raise MonitorFailure('two is too many')";
    const id = await server.monitor({ name: `Counts at ${width}`, script: counting, runs: 5 });
    await page.goto("/");
    const row = page.locator(`#m${id}`);
    const drawing = row.getByRole("img", { name: /^last 5 runs, 1 failing; values from 1(\.0+)? to 5(\.0+)?$/ });
    // All at once: times go on, and columns with them.
    const { box, others } = await row.evaluate((row) => {
      const place = (one) => (({ x, y, width, height }) => ({ x, y, width, height }))(one.getBoundingClientRect());
      const cells = [...row.querySelectorAll("td:not(.c-trend)")].filter((one) => one.checkVisibility({ visibilityProperty: true }));
      return { box: place(row.querySelector(".c-trend svg")), others: cells.map((one) => ({ name: one.className, ...place(one) })) };
    });
    assert.ok(box.width >= 90 && box.height >= 15, `large enough to be read: ${JSON.stringify(box)}`);
    assert.ok(box.x >= 0 && box.x + box.width <= width, `inside of the window: ${JSON.stringify(box)}`);
    // One line through five values that rises all the way, in ink that shows on its ground.
    const points = (await drawing.locator("polyline").getAttribute("points")).trim().split(" ").map((point) => point.split(",").map(Number));
    assert.equal(points.length, 5);
    for (let at = 1; at < 5; at += 1) assert.ok(points[at][0] > points[at - 1][0] && points[at][1] < points[at - 1][1], String(points));
    assert.notEqual(await drawing.locator("polyline").evaluate((line) => getComputedStyle(line).stroke), "none");
    // It covers nothing else of its row.
    for (const other of others) {
      if (other.width * other.height === 0) continue;
      const apart = other.x >= box.x + box.width - 1 || other.x + other.width <= box.x + 1 || other.y >= box.y + box.height - 1 || other.y + other.height <= box.y + 1;
      assert.ok(apart, `${JSON.stringify(other)} and ${JSON.stringify(box)}`);
    }
    await fits(page);
    await server.api("DELETE", `/monitors/${id}`);
  });
}

story("a warning's time is not drawn over on a phone", server, { width: 390 }, async ({ page, server }) => {
  const warns = "n = 1 + (previous.return_value if previous else 0)\nreturn_value = n\nraise MonitorFailure('filling up', severity='warning')";
  const id = await server.monitor({ name: "Disk that fills", script: warns, runs: 5 });
  await page.goto("/");
  const row = page.locator(`#m${id}`);
  assert.match(await row.locator(".c-state").innerText(), /warning/);
  const [since, spark] = await row.evaluate((row) =>
    [".c-since time", ".c-trend svg"].map((part) => (({ x, width }) => ({ x, width }))(row.querySelector(part).getBoundingClientRect())),
  );
  assert.ok(since.x + since.width <= spark.x, `${JSON.stringify(since)} and ${JSON.stringify(spark)}`);
  assert.ok(spark.width >= 20, `there is something to be seen: ${JSON.stringify(spark)}`);
  await fits(page);
  await server.api("DELETE", `/monitors/${id}`);
});

story("a state that changes is seen without reloading, in the row, the counts, the title and the icon", server, {}, async ({ page, server }) => {
  const id = await server.monitor({ name: "Disk", script: "return_value = 10" });
  await page.goto("/");
  const row = page.locator(`#m${id}`);
  assert.equal(await row.locator(".state").textContent(), "OK");
  await server.api("PATCH", `/monitors/${id}`, { script: "return_value = 97\nraise MonitorFailure('97 % full')" });
  await server.api("POST", `/monitors/${id}/run`, {});
  await row.getByText("97 % full").waitFor();
  await until(() => page.title(), "(3) Monitors · Revere");
  assert.equal(await page.locator("link[rel=icon]").getAttribute("href"), "/icon.svg?failing=3");
  await page.getByRole("navigation", { name: "By state" }).getByText("2 ALARM").waitFor();
  await until(async () => (await names(page)).slice(0, 2).sort(), ["Disk", "Mail queue"], "worst first again");
  await server.api("DELETE", `/monitors/${id}`);
});

everywhere("the list is searched as one types, and Esc shows all again", server, async ({ page }) => {
  await page.goto("/");
  await page.keyboard.press("/");
  await page.keyboard.type("queue");
  await until(() => address(page), "/?q=queue");
  await until(() => names(page), ["Mail queue"]);
  await page.reload();
  assert.deepEqual(await names(page), ["Mail queue"], "the address keeps what was asked");
  await page.getByLabel("Search by name or tag").fill("nothing of the kind");
  await page.getByText("No monitor fits.").waitFor();
  await page.keyboard.press("Escape");
  await until(async () => (await names(page)).length, 4);
});

story("a box that is ticked while what was typed is on its way stays with its monitor", server, {}, async ({ page }) => {
  await page.goto("/");
  let answer;
  const held = new Promise((resolve) => (answer = resolve));
  await page.route(/[?&]part=list/, (route) => held.then(() => route.continue()));
  await Promise.all([page.waitForRequest(/[?&]part=list/), page.getByLabel("Search by name or tag").fill("o")]);
  await page.getByLabel("Choose Orders").check();
  answer();
  await until(() => names(page), ["Orders", "Web load", "Not run yet"]);
  await page.getByText("1 chosen:").waitFor();
  assert.equal(await page.getByLabel("Choose Orders").isChecked(), true);
  assert.equal(await page.getByLabel("Choose Web load").isChecked(), false);
});

story("what is typed before the page's scripts listen is searched", server, {}, async ({ page }) => {
  let listen;
  const loaded = new Promise((resolve) => (listen = resolve));
  await page.route(/\/app[^/]*\.js/, (route) => loaded.then(() => route.continue()));
  await page.goto("/", { waitUntil: "commit" });
  await page.getByLabel("Search by name or tag").fill("queue");
  assert.equal((await names(page)).length, 4);
  listen();
  await until(() => names(page), ["Mail queue"]);
  await until(() => address(page), "/?q=queue");
});

everywhere("states and tags narrow the list, together with what was typed", server, async ({ page }) => {
  await page.goto("/");
  await page.getByLabel("Tag", { exact: true }).first().selectOption("production");
  await until(() => names(page), ["Orders", "Web load"]);
  await page.getByRole("link", { name: /1 ERROR/ }).click();
  await until(() => names(page), ["Orders"]);
  assert.equal(address(page), "/?state=ERROR&tag=production");
  await page.getByRole("link", { name: "Clear" }).click();
  await until(async () => (await names(page)).length, 4);
});

everywhere("many are chosen: tagged, paused, resumed, deleted after typing", server, async ({ page, server, expects }) => {
  for (const name of ["Old one", "Old two"]) await server.monitor({ name });
  await page.goto("/?q=old");
  const chosen = async (button) => {
    await page.getByLabel("Choose all on this page").check();
    if (button.startsWith("Add")) await page.getByPlaceholder("tag", { exact: true }).fill("legacy");
    await page.getByRole("button", { name: button }).click();
  };
  await chosen("Add tag");
  await until(() => page.locator(".monitors .tag").allTextContents(), ["legacy", "legacy"]);
  await page.getByText("2 monitors tagged.").waitFor();
  await chosen("Pause");
  await until(() => page.locator(".monitors .state").allTextContents(), ["PAUSED", "PAUSED"]);
  await chosen("Resume");
  await until(async () => (await server.api("GET", "/monitors")).items.filter((one) => one.active).length, 6);
  await chosen("Delete…");
  await page.getByLabel(/Type delete 2/).fill("delete 3");
  expects("422");
  await page.getByRole("button", { name: "Delete them" }).click();
  await page.getByText("Nothing was deleted").waitFor();
  await page.getByLabel(/Type delete 2/).fill("delete 2");
  await page.getByRole("button", { name: "Delete them" }).click();
  await page.getByText("No monitor fits.").waitFor();
  assert.equal((await server.names()).length, 4);
});

story("a click on a head orders by it, another turns it round, and the address keeps it", server, {}, async ({ page }) => {
  await page.goto("/");
  const head = (name) => page.getByRole("columnheader", { name });
  assert.equal(await head("State").getAttribute("aria-sort"), "other");
  await head("Monitor").getByRole("link").click();
  await until(() => names(page), ["Mail queue", "Not run yet", "Orders", "Web load"]);
  assert.equal(await head("Monitor").getAttribute("aria-sort"), "ascending");
  await head("Monitor").getByRole("link").click();
  await until(() => names(page), ["Web load", "Orders", "Not run yet", "Mail queue"]);
  assert.equal(address(page), "/?sort=-name");
  // What is typed narrows what is ordered.
  await page.getByLabel("Search by name or tag").fill("o");
  await until(() => names(page), ["Web load", "Orders", "Not run yet"]);
  await until(() => [...new URL(page.url()).searchParams].sort(), [["q", "o"], ["sort", "-name"]]);
  await head("State").getByRole("link").click();
  await until(() => address(page), "/?q=o");
});

story("on a phone the order is chosen", server, { width: 390 }, async ({ page }) => {
  await page.goto("/");
  await page.getByLabel("Order", { exact: true }).selectOption("By name");
  await until(() => names(page), ["Mail queue", "Not run yet", "Orders", "Web load"]);
  await until(() => address(page), "/?sort=name");
  await fits(page);
});

everywhere("one setting of many is changed in one go, or not at all", server, async ({ page, server, expects }) => {
  const ids = [];
  for (const name of ["Nightly one", "Nightly two"]) ids.push(await server.monitor({ name }));
  const schedules = async () => Promise.all(ids.map(async (id) => (await server.api("GET", `/monitors/${id}`)).schedule));
  await page.goto("/?q=nightly");
  await page.getByLabel("Choose all on this page").check();
  await page.getByLabel("Setting", { exact: true }).selectOption("Schedule");
  await page.getByRole("button", { name: "Change…" }).click();
  await page.getByRole("heading", { name: "Change the schedule of 2 monitors" }).waitFor();
  const field = page.getByLabel("Schedule", { exact: true });
  assert.equal(await field.inputValue(), "@yearly");
  await fits(page);
  await field.fill("0 3 * * *\n61 4 * * *");
  expects("422");
  await page.getByRole("button", { name: "Change them" }).click();
  await page.getByText("line 2: minute: 61 is outside 0-59. Nothing was changed.").waitFor();
  assert.deepEqual(await schedules(), ["@yearly", "@yearly"]);
  assert.equal(await field.inputValue(), "0 3 * * *\n61 4 * * *");
  await field.fill("0 3 * * *\n30 4 * * *");
  await page.getByRole("button", { name: "Change them" }).click();
  await page.getByText("2 monitors changed.").waitFor();
  assert.deepEqual(await schedules(), ["0 3 * * *\n30 4 * * *", "0 3 * * *\n30 4 * * *"]);
  for (const id of ids) await server.api("DELETE", `/monitors/${id}`);
});

for (const [setting, typed, field, kept] of [
  ["Time zone", "Asia/Tokyo", "timezone", "Asia/Tokyo"],
  ["Runs kept", "9", "retain_days", 9],
  ["Time limit", "2.5", "timeout_s", 2.5],
]) {
  everywhere(`many are given another ${setting.toLowerCase()} in one go, or none of them`, server, async ({ page, server, expects }) => {
    const ids = [];
    for (const name of ["Nightly three", "Nightly four"]) ids.push(await server.monitor({ name }));
    const all = async () => Promise.all(ids.map(async (id) => (await server.api("GET", `/monitors/${id}`))[field]));
    const before = await all();
    await page.goto("/?q=nightly");
    await page.getByLabel("Choose all on this page").check();
    await page.getByLabel("Setting", { exact: true }).selectOption(setting);
    await page.getByRole("button", { name: "Change…" }).click();
    await page.getByRole("heading", { name: `Change the ${setting.toLowerCase()} of 2 monitors` }).waitFor();
    const input = page.getByLabel(setting, { exact: true });
    await input.fill("nothing of the kind");
    expects("422");
    await page.getByRole("button", { name: "Change them" }).click();
    await page.getByText("Nothing was changed.").waitFor();
    assert.deepEqual(await all(), before);
    await input.fill(typed);
    await page.getByRole("button", { name: "Change them" }).click();
    await page.getByText("2 monitors changed.").waitFor();
    assert.deepEqual(await all(), [kept, kept]);
    for (const id of ids) await server.api("DELETE", `/monitors/${id}`);
  });
}

everywhere("what is filtered again and again is kept under a name", server, async ({ page }) => {
  await page.goto("/");
  assert.equal(await page.getByText("Save this filter").isVisible(), false, "there is nothing to keep");
  await page.getByLabel("Search by name or tag").fill("queue");
  await until(() => address(page), "/?q=queue");
  await page.getByText("Save this filter").click();
  await page.getByLabel("Name of the filter").fill("The queues");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  const kept = page.getByRole("list", { name: "Saved filters" }).getByRole("link", { name: "The queues" });
  await kept.waitFor();
  assert.equal(await kept.getAttribute("aria-current"), "true");
  await fits(page);
  await page.goto("/");
  assert.equal(await kept.getAttribute("aria-current"), null);
  await kept.click();
  await until(() => names(page), ["Mail queue"]);
  await page.getByRole("button", { name: "Delete the filter The queues" }).click();
  await until(() => kept.count(), 0);
  assert.equal(address(page), "/?q=queue");
});
