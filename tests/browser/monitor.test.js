// A monitor's page: how it stands, its chart, its story, and what can be done with it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { everywhere, fits, serve, story, until } from "./harness.js";

const server = serve();
const stands = (page) => page.locator("#stand .state").textContent();

// Passes, alarms at the second run, passes at the third.
const wavering = "n = 1 + (previous.return_value if previous else 0)\nreturn_value = n\nif n == 2:\n    raise MonitorFailure('two is too many')";

everywhere("the chart has ranges, zooms where it is dragged, and goes back", server, async ({ page, server }) => {
  const id = await server.monitor({ name: "Charted", script: wavering, runs: 3 });
  const asked = [];
  page.on("request", (request) => request.url().includes("/chart?") && asked.push(new URL(request.url()).searchParams));
  const drawn = () => page.waitForResponse((answer) => answer.url().includes("/chart?") && answer.ok());
  await Promise.all([drawn(), page.goto(`/monitor/${id}`)]);
  for (const range of ["1 h", "7 d", "30 d", "all", "24 h"]) {
    const link = page.getByRole("navigation", { name: "Range of the chart" }).getByRole("link", { name: range, exact: true });
    await Promise.all([drawn(), link.click()]);
    assert.equal(await link.getAttribute("aria-current"), "true");
    assert.equal(asked.at(-1).get("range"), range.replace(" ", ""));
  }
  // The answer is drawn once the chart says so.
  const says = (words) => until(async () => words.test(await page.locator(".chart").getAttribute("aria-label")), true, String(words));
  await says(/over the last 24 hours/);
  const box = await page.locator(".chart .u-over").boundingBox();
  const [left, middle] = [box.x + box.width * 0.4, box.y + box.height / 2];
  await page.mouse.move(left, middle);
  await page.mouse.down();
  await page.mouse.move(left + box.width / 4, middle, { steps: 4 });
  await Promise.all([drawn(), page.mouse.up()]);
  const seen = Number(asked.at(-1).get("to")) - Number(asked.at(-1).get("from"));
  assert.ok(Math.abs(seen - 6 * 3600) < 900, `a quarter of 24 h, not ${seen} s`);
  await says(/over the time from/);
  await Promise.all([drawn(), page.mouse.dblclick(left, middle)]);
  assert.equal(asked.at(-1).get("range"), "24h");
  await until(() => new URL(page.url()).search, "?range=24h");
});

everywhere("the chart's times are those of the zone that is chosen once, and it says which", server, async ({ page, server }) => {
  const id = await server.monitor({ name: "Zoned", script: wavering, runs: 3 });
  // What a canvas shows is drawn, and cannot be read from the page: what is written on it is noted.
  await page.addInitScript(() => {
    window.written = [];
    const write = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function fillText(text, ...where) {
      window.written.push(String(text));
      return write.call(this, text, ...where);
    };
  });
  await page.goto(`/monitor/${id}?range=1h`);
  await until(() => page.evaluate(() => window.written.includes("UTC")), true, "the monitor's zone is named");
  await Promise.all([page.waitForEvent("load"), page.getByLabel("Times in").selectOption("Europe/Berlin")]);
  await until(() => page.evaluate(() => window.written.includes("Europe/Berlin")), true, "the zone is named");
  // Berlin's clock is one or two hours ahead of UTC; the axis goes from an hour ago to now, or to a moment ago.
  const hours = await page.evaluate(() => window.written.filter((text) => /^\d\d:\d\d$/.test(text)).map((text) => text.slice(0, 2)));
  const berlin = (ago) => new Intl.DateTimeFormat("en-GB", { hour: "2-digit", timeZone: "Europe/Berlin" }).format(Date.now() - ago * 60_000);
  assert.ok(hours.length > 1, "there are times on the axis");
  const last = new Set(Array.from({ length: 64 }, (_, minutes) => berlin(minutes)));
  for (const hour of hours) assert.ok(last.has(hour), `${hour} is no hour of the last in Berlin`);
});

everywhere("the week before is drawn on request, and stands in the address", server, async ({ page, server }) => {
  const id = await server.monitor({ name: "Compared", script: wavering, runs: 3 });
  const asked = [];
  page.on("request", (request) => request.url().includes("/chart?") && asked.push(new URL(request.url()).searchParams));
  const drawn = () => page.waitForResponse((answer) => answer.url().includes("/chart?") && answer.ok());
  await Promise.all([drawn(), page.goto(`/monitor/${id}?range=1h`)]);
  const link = page.getByRole("link", { name: "Week before" });
  const legend = page.locator(".legend").getByText("the week before");
  assert.equal(await legend.isVisible(), false);
  await Promise.all([drawn(), link.click()]);
  assert.deepEqual([asked.at(-1).get("last_week"), new URL(page.url()).search], ["true", "?range=1h&last_week=true"]);
  await page.getByRole("img", { name: /no values the week before/ }).waitFor();
  assert.equal(await legend.isVisible(), true);
  await Promise.all([drawn(), page.getByRole("button", { name: "Earlier" }).click()]);
  await until(() => new URL(page.url()).searchParams.get("last_week"), "true");
  await Promise.all([drawn(), page.reload()]);
  assert.equal(await link.getAttribute("aria-current"), "true");
  await until(() => asked.at(-1).get("last_week"), "true");
  await fits(page);
  await Promise.all([drawn(), link.click()]);
  await until(() => new URL(page.url()).searchParams.has("last_week"), false);
  assert.equal(await legend.isVisible(), false);
});

story("the week before is a line of dots behind the value, and the tip says both", server, {}, async ({ page, server }) => {
  const id = await server.monitor({ name: "Ghosted", script: "return_value = 10 + (previous.return_value if previous else 0)", runs: 4 });
  // As if the first two had run a week ago.
  const { items } = await server.api("GET", `/monitors/${id}/runs`);
  const earlier = items.slice(2).map((run) => run.id).join(", ");
  const program = `import sqlite3\nfile = sqlite3.connect('revere.db', timeout=30)\nfile.execute('update runs set started_at = started_at - 604800000000 where id in (${earlier})')\nfile.commit()`;
  const ended = spawnSync("python3", ["-c", program], { cwd: server.folder, encoding: "utf8" });
  assert.equal(ended.status, 0, ended.stderr);
  await page.addInitScript(() => {
    window.dots = 0;
    const line = CanvasRenderingContext2D.prototype.lineTo;
    CanvasRenderingContext2D.prototype.lineTo = function lineTo(...where) {
      if (this.getLineDash().join() === [devicePixelRatio, 4 * devicePixelRatio].join()) window.dots += 1;
      return line.call(this, ...where);
    };
  });
  await page.goto(`/monitor/${id}?range=1h`);
  await page.locator(".chart canvas").waitFor();
  await page.getByRole("img", { name: /values from 30 to 40/ }).waitFor();
  assert.equal(await page.evaluate(() => window.dots), 0, "nobody asked for it");
  await page.getByRole("link", { name: "Week before" }).click();
  await page.getByRole("img", { name: /values from 30 to 40.* the week before from 10 to 20/ }).waitFor();
  await until(() => page.evaluate(() => window.dots >= 2), true, "it is drawn");
  const box = await page.locator(".chart .u-over").boundingBox();
  await page.mouse.move(box.x + box.width - 3, box.y + box.height / 2);
  await page.locator(".chart .tip").getByText(/[12]0 the week before/).waitFor();
});

story("a finger up or down scrolls the page, across it draws a stretch, and two zoom", server, { width: 390, touch: true }, async ({ page, context, server }) => {
  const id = await server.monitor({ name: "Touched", script: wavering, runs: 3 });
  const drawn = () => page.waitForResponse((answer) => answer.url().includes("/chart?") && answer.ok());
  await Promise.all([drawn(), page.goto(`/monitor/${id}?range=24h`)]);
  const over = page.locator(".chart .u-over");
  const touch = await context.newCDPSession(page);
  const place = async () => {
    await over.evaluate((one) => one.scrollIntoView({ block: "center" }));
    return over.boundingBox();
  };
  let box = await place();
  const [address, top] = [page.url(), await page.evaluate(() => scrollY)];
  const move = (type, ...places) => touch.send("Input.dispatchTouchEvent", { type, touchPoints: places.map(([x, y], id) => ({ x, y, id })) });
  const at = (part) => box.x + box.width * part;
  let y = box.y + box.height / 2;
  await move("touchStart", [at(0.5), y]);
  for (const up of [10, 30, 60, 90, 120]) await move("touchMove", [at(0.5), y - up]);
  await move("touchEnd");
  await until(async () => (await page.evaluate(() => scrollY)) > top, true, "the page scrolls");
  assert.equal(page.url(), address, "and nothing is zoomed");
  // It rolls on for a while.
  let last;
  await until(
    async () => {
      const now = await page.evaluate(() => new Promise((shown) => requestAnimationFrame(() => requestAnimationFrame(() => shown(scrollY)))));
      const rests = now === last;
      last = now;
      return rests;
    },
    true,
    "the page rests",
  );
  box = await place();
  y = box.y + box.height / 2;
  const seen = () => {
    const query = new URL(page.url()).searchParams;
    return Number(query.get("to")) - Number(query.get("from"));
  };
  // Beyond the end, to where the runs are.
  await move("touchStart", [at(0.75), y]);
  for (const part of [0.8, 0.9, 1.02]) await move("touchMove", [at(part), y]);
  // It is seen at once, however long the answer takes, and an answer does not move what fingers hold.
  let answer;
  const answers = new Promise((go) => (answer = go));
  await page.route(/\/chart\?/, (route) => answers.then(() => route.continue()));
  await Promise.all([page.waitForRequest(/\/chart\?/), move("touchEnd")]);
  assert.ok(Math.abs(seen() - 6 * 3600) < 1800, `a quarter of 24 h, not ${seen()} s`);
  const before = seen();
  const label = await page.locator(".chart").getAttribute("aria-label");
  await move("touchStart", [at(0.4), y], [at(0.6), y]);
  for (const part of [0.05, 0.1, 0.2]) await move("touchMove", [at(0.4 - part), y], [at(0.6 + part), y]);
  answer();
  await until(async () => (await page.locator(".chart").getAttribute("aria-label")) !== label, true, "the answer is there");
  await Promise.all([drawn(), move("touchEnd")]);
  assert.ok(Math.abs(seen() - before / 3) < before / 20, `a third of ${before} s, not ${seen()} s`);
});

everywhere("what is zoomed into stands in the address, and the keyboard zooms, too", server, async ({ page, server }) => {
  const id = await server.monitor({ name: "Zoomed", script: wavering, runs: 3 });
  const asked = [];
  page.on("request", (request) => request.url().includes("/chart?") && asked.push(new URL(request.url()).searchParams));
  const button = (name) => page.getByRole("button", { name, exact: true });
  const seen = () => {
    const query = new URL(page.url()).searchParams;
    return { range: query.get("range"), from: Number(query.get("from")), to: Number(query.get("to")) };
  };
  // Presses a button with the keyboard; what the address says then is what the chart asks for.
  const press = async (name) => {
    const before = page.url();
    await until(() => button(name).isEnabled(), true, name);
    await button(name).focus();
    await page.keyboard.press("Enter");
    await until(() => page.url() !== before, true, name);
    await until(() => asked.some((query) => Number(query.get("from")) === seen().from && Number(query.get("to")) === seen().to), true, name);
    return seen();
  };
  await page.goto(`/monitor/${id}?range=1h`);
  const half = await press("Zoom in");
  assert.ok(Math.abs(half.to - half.from - 1800) <= 2, `half an hour, not ${half.to - half.from} s`);
  const quarter = await press("Zoom in");
  assert.deepEqual([quarter.range, Math.abs(quarter.to - quarter.from - 900) <= 3], ["1h", true]);
  const earlier = await press("Earlier");
  assert.equal(quarter.from - earlier.from, Math.round((quarter.to - quarter.from) / 2));
  await press("Later");
  const address = page.url();
  const before = asked.length;
  await page.reload();
  await until(() => asked.length > before, true);
  assert.equal(page.url(), address);
  assert.deepEqual([Number(asked.at(-1).get("from")), asked.at(-1).get("range")], [seen().from, null], "what was seen is seen again");
  await until(async () => /over the time from .* to /.test(await page.locator(".chart").getAttribute("aria-label")), true);
  await button("Zoom out").focus();
  await page.keyboard.press("Enter");
  await until(() => new URL(page.url()).search, "?range=1h");
  assert.equal(await page.evaluate(() => document.activeElement.dataset.step), "earlier", "the focus is not lost");
  await until(() => button("Later").isDisabled(), true, "there is nothing later than now");
});

everywhere("flips are told with message, value and how long it lasted; runs with what they printed", server, async ({ page, server }) => {
  const id = await server.monitor({ name: "Told", script: `print('counting')\n${wavering}`, runs: 3 });
  await page.goto(`/monitor/${id}`);
  const turns = await page.locator(".story > li").allInnerTexts();
  assert.equal(turns.length, 3);
  assert.match(turns[0], /OK[\s\S]*still so · value 3/);
  assert.match(turns[1], /ALARM[\s\S]*lasted .* · value 2\s+two is too many/);
  const run = page.locator("#runs tbody tr:not(.day)").nth(1);
  await run.locator("summary").click();
  assert.match(await run.innerText(), /counting[\s\S]*MonitorFailure: two is too many/);
});

story("what is unfolded of the runs stays so when another run comes", server, {}, async ({ page, server }) => {
  const id = await server.monitor({ name: "Read", script: `print('counting')\n${wavering}`, runs: 3 });
  await page.goto(`/monitor/${id}`);
  const rows = page.locator("#runs tbody tr[id]");
  const unfolded = () => page.locator("#runs tr:has(details[open])").evaluateAll((all) => all.map((one) => one.id));
  await rows.nth(1).locator("summary").click();
  const read = await rows.nth(1).getAttribute("id");
  assert.deepEqual(await unfolded(), [read]);
  await server.api("POST", `/monitors/${id}/run`, {});
  await until(() => rows.count(), 4);
  assert.deepEqual(await unfolded(), [read]);
  assert.match(await page.locator(`#${read}`).innerText(), /MonitorFailure: two is too many/);
});

story("what the chart is asked before it has its answer is not lost", server, {}, async ({ page, server }) => {
  const id = await server.monitor({ name: "Awaited", script: wavering, runs: 3 });
  let answer;
  let held = new Promise((resolve) => (answer = resolve));
  await page.route(/\/chart\?/, (route) => held.then(() => route.continue()));
  const button = (name) => page.getByRole("button", { name, exact: true });
  // Where it is not known yet what is seen, there is nothing to press.
  await page.goto(`/monitor/${id}?range=1h`);
  for (const name of ["Earlier", "Zoom in", "Later"]) assert.equal(await button(name).isDisabled(), true, name);
  answer();
  for (const name of ["Earlier", "Zoom in"]) await until(() => button(name).isEnabled(), true, name);
  held = new Promise((resolve) => (answer = resolve));
  const to = Math.floor(Date.now() / 1000);
  await page.goto(`/monitor/${id}?range=1h&from=${to - 1800}&to=${to}`);
  await button("Zoom in").click();
  await until(() => new URL(page.url()).searchParams.get("from"), String(to - 1350));
  answer();
  await until(async () => /over the time from/.test(await page.locator(".chart").getAttribute("aria-label")), true);
});

everywhere("it runs at once, is paused and goes on", server, async ({ page, server }) => {
  const id = await server.monitor({ name: "Driven", runs: 0 });
  await page.goto(`/monitor/${id}`);
  await page.getByText("has not run yet").waitFor();
  await page.getByRole("button", { name: "Run now" }).click();
  await until(() => stands(page), "OK");
  await page.getByText("by hand").first().waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await until(() => stands(page), "PAUSED");
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("button", { name: "Pause" }).waitFor();
  assert.equal((await server.api("GET", `/monitors/${id}`)).active, true);
});

story("what happens meanwhile is seen without reloading", server, {}, async ({ page, server }) => {
  const id = await server.monitor({ name: "Watched", script: wavering });
  await page.goto(`/monitor/${id}`);
  assert.equal(await stands(page), "OK");
  await server.api("POST", `/monitors/${id}/run`, {});
  await until(() => stands(page), "ALARM");
  assert.match(await page.locator("#stand").innerText(), /two is too many/);
  await until(() => page.locator("#runs tbody tr:not(.day)").count(), 2);
  await until(() => page.locator(".story > li").count(), 2, "the story goes on, too");
});

story("a copy begins from the original, and an edit is seen", server, {}, async ({ page, server }) => {
  const id = await server.monitor({ name: "First", tags: ["a"] });
  await page.goto(`/monitor/${id}`);
  await page.getByRole("link", { name: "Duplicate" }).click();
  assert.equal(await page.getByLabel("Name").inputValue(), "First (copy)");
  await page.getByLabel("Name").fill("Second");
  await page.getByRole("button", { name: /^Create/ }).click();
  await page.getByRole("heading", { name: "Second" }).waitFor();
  await page.getByRole("link", { name: "Edit" }).first().click();
  await page.getByLabel("Tags").fill("a, b");
  await page.keyboard.press("Control+s");
  await page.getByRole("heading", { name: "Second" }).waitFor();
  assert.deepEqual(await page.locator(".monitor-top .tag").allTextContents(), ["a", "b"]);
});

everywhere("it is deleted only when its name is typed", server, async ({ page, server, expects }) => {
  const id = await server.monitor({ name: "Precious" });
  await page.goto(`/monitor/${id}`);
  await page.getByRole("link", { name: "Delete" }).click();
  await page.getByLabel(/Type its name/).fill("precious");
  expects("422");
  await page.getByRole("button", { name: "Delete it" }).click();
  await page.getByText("That is not its name. Nothing was deleted.").waitFor();
  await page.getByLabel(/Type its name/).fill("Precious");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Monitors" }).waitFor();
  await page.getByText("Deleted Precious.").waitFor();
  assert.ok(!(await server.names()).includes("Precious"));
});

// Texts that change, and ticks that came while a run was still under way; at rest when it is looked at.
const drawn = server.then(async (server) => {
  const say = "says = ['up', 'up', 'down', 'up']\nn = 0 if previous is None else int(previous.message.split()[-1]) + 1\nreturn_value = says[n % 4]\nif return_value == 'down':\n    raise MonitorFailure('down %d' % n)\nraise MonitorFailure('not yet %d' % n)";
  const texts = await server.monitor({ name: "Says a word", script: say, schedule: "* * * * * *", runs: 0 });
  const slow = await server.monitor({ name: "Slow", script: "import time\ntime.sleep(2.5)\nreturn_value = 4.5", schedule: "* * * * * *", runs: 0 });
  const gaps = async () => (await server.api("GET", `/monitors/${slow}/gaps`)).items;
  const runs = async (id) => (await server.api("GET", `/monitors/${id}/runs`)).items.length;
  await until(async () => (await gaps()).length > 0 && (await runs(slow)) > 1 && (await runs(texts)) >= 8, true);
  for (const id of [texts, slow]) await server.api("PATCH", `/monitors/${id}`, { active: false });
  const ticks = (await gaps()).reduce((sum, gap) => sum + gap.count, 0);
  return Object.assign(server, { texts, slow, ticks });
});

story("the still picture draws texts as bars with labels, changes of state and ticks without a run", drawn, { scripts: false }, async ({ page, server }) => {
  await page.goto(`/monitor/${server.texts}?range=all`);
  const still = page.locator(".chart svg.still");
  assert.ok((await still.locator("rect.lane").count()) >= 4, "up, down, up, down");
  assert.deepEqual((await still.locator("text.lane-text").allTextContents()).sort(), ["down", "up"]);
  assert.equal(await still.locator("line.flip-alarm").count(), 1);
  assert.ok((await still.locator("rect.bad-alarm").count()) >= 1);
  assert.match(await page.locator(".chart").getAttribute("aria-label"), /all that is kept: \d+ runs, 2 different texts, 2 changes of state/);
  await page.goto(`/monitor/${server.slow}?range=all`);
  assert.ok((await still.locator("rect.gap").count()) >= 1);
  assert.match(await still.locator("rect.gap title").first().textContent(), /^\d+ overlapped$/);
  assert.equal(await still.locator("text.most").textContent(), "4.5");
  assert.match(await page.locator(".chart").getAttribute("aria-label"), new RegExp(`always 4.5, .*${server.ticks} ticks? without a run$`));
});

// How many pixels of the chart have the colour of a token, for what is drawn without letting shine through.
const painted = (page, token) =>
  page.locator(".chart canvas").evaluate((canvas, token) => {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.color = `var(${token})`;
    const [r, g, b] = getComputedStyle(probe).color.match(/\d+/g).map(Number);
    probe.remove();
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let found = 0;
    for (let at = 0; at < data.length; at += 4) found += data[at] === r && data[at + 1] === g && data[at + 2] === b;
    return found;
  }, token);

story("the chart draws them, too, and says which under the pointer", drawn, {}, async ({ page, server }) => {
  const over = async (fraction) => {
    const box = await page.locator(".chart .u-over").boundingBox();
    await page.mouse.move(box.x + box.width * fraction, box.y + box.height / 2);
    // The chart follows the pointer once a frame.
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    return page.locator(".chart .tip").innerText();
  };
  // From the first run to the last: all that is kept goes on to now, and the pointer would step over most of it.
  const ran = async (id) => {
    const times = (await server.api("GET", `/monitors/${id}/runs?limit=100`)).items.map((run) => Date.parse(run.started_at) / 1000);
    return `/monitor/${id}?range=all&from=${Math.floor(Math.min(...times))}&to=${Math.ceil(Math.max(...times)) + 1}`;
  };
  await page.goto(await ran(server.texts));
  await page.locator(".chart canvas").waitFor();
  assert.ok((await painted(page, "--selection")) > 1000, "bars of text");
  assert.ok((await painted(page, "--alarm")) > 100, "the strip of states");
  const said = [];
  for (let step = 0; step < 40; step += 1) said.push(await over(0.002 + step / 41));
  assert.ok(said.some((tip) => /\bup\b/.test(tip)) && said.some((tip) => /\bdown\b/.test(tip)), said.join(" | "));
  // Where the first run stands: a server that has much to do begins it some way into its second.
  let first = "";
  for (let at = 0.001; at < 0.25 && !first.includes("INACTIVE"); at += 0.003) first = await over(at);
  assert.match(first, /INACTIVE → ALARM: not yet 0/);
  await page.goto(await ran(server.slow));
  await page.locator(".chart canvas").waitFor();
  assert.ok((await painted(page, "--warn")) > 20, "ticks without a run");
  const tips = [];
  for (let step = 0; step < 40; step += 1) tips.push(await over(0.002 + step / 41));
  assert.ok(tips.some((tip) => /\d+ ticks? overlapped/.test(tip)), tips.join(" | "));
  await page.goto(`/monitor/${server.slow}?range=all`);
  await page.locator(".chart canvas").waitFor();
  assert.match(await page.locator(".chart").getAttribute("aria-label"), new RegExp(`${server.ticks} ticks? without a run$`));
  await page.getByRole("link", { name: "1 h", exact: true }).click();
  await until(async () => /over the last hour: /.test(await page.locator(".chart").getAttribute("aria-label")), true);
});

everywhere("the threshold that a script sets is drawn and said", server, async ({ page, server }) => {
  const id = await server.monitor({ name: "Compared", script: `${wavering}\n`.replace("return_value = n", "return_value = n\nthreshold = 2.5"), runs: 3 });
  await page.addInitScript(() => {
    window.written = [];
    const write = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function fillText(text, ...where) {
      window.written.push(String(text));
      return write.call(this, text, ...where);
    };
  });
  await page.goto(`/monitor/${id}?range=1h`);
  await until(() => page.evaluate(() => window.written.includes("threshold 2.5")), true, "it is drawn with its number");
  assert.match(await page.locator("[data-chart]").getAttribute("aria-label"), /values from 1 to 3, threshold 2\.5/);
});
