// The author's loop: from Create to a monitor that runs, and everything that could lose what was typed.
import assert from "node:assert/strict";
import { everywhere, fits, person, serve, story, until } from "./harness.js";

// The server's own file is a database like any other.
const server = serve({
  more: (address) => `REVERE_SOURCES['intranet'] = {'type': 'http', 'config': {'base_url': '${address}'}}
REVERE_SOURCES['own'] = {'type': 'database', 'config': {'connection_string': 'sqlite:///revere.db'}}\n`,
});
const editor = (page) => page.getByRole("textbox", { name: "Script", exact: true }).and(page.locator(".cm-content"));
const script = (page) => page.locator("textarea[name=script]").inputValue();
const write = async (page, text) => {
  await editor(page).click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(text);
};
const outcome = (page) => page.locator("#outcome");
// What is offered is taken by Enter once it has stood there for a moment, so that nobody takes what they have not seen yet.
const accept = async (page) => {
  await page.waitForFunction(() => {
    const offered = document.querySelector(".cm-tooltip-autocomplete");
    if (!offered) return false;
    offered.seenAt ??= performance.now();
    return performance.now() - offered.seenAt > 150;
  });
  await page.keyboard.press("Enter");
};

everywhere("from Create to a monitor that runs, with a try-out on a real source", server, async ({ page, server }) => {
  await page.goto("/");
  await page.getByRole("link", { name: "Create a monitor" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Checkout is quick");
  await write(page, "value = sources['shop'].get_avg('shop.latency_p95', '-10min')\nprint('asked')\nreturn_value = value\n");
  await page.keyboard.press("Control+Enter");
  await outcome(page).getByText("asked", { exact: true }).waitFor();
  const said = await outcome(page).innerText();
  assert.match(said, /OK|ERROR/);
  assert.match(said, /shop\.get_avg\('shop\.latency_p95', '-10min'\)/);
  assert.deepEqual((await server.names()).includes("Checkout is quick"), false, "nothing is recorded yet");
  await page.getByLabel("Schedule", { exact: true }).fill("*/2 * * * * *");
  await page.getByText("every 2 seconds").waitFor();
  await page.getByRole("button", { name: /^Create/ }).click();
  await page.getByRole("heading", { name: "Checkout is quick" }).waitFor();
  await page.locator("#runs tbody tr[id]").first().waitFor();
  await page.goto("/");
  const made = (await server.api("GET", "/monitors")).items.find((one) => one.name === "Checkout is quick");
  await server.api("DELETE", `/monitors/${made.id}`);
});

everywhere("a failing try-out shows the line, the traceback and the source's fault", server, async ({ page }) => {
  await page.goto("/create");
  await write(page, "x = 1\nsources['warehouse'].execute('select 1')\n");
  await page.getByRole("button", { name: /^Run once/ }).click();
  await outcome(page).getByText("Traceback", { exact: true }).waitFor();
  assert.match(await outcome(page).innerText(), /ERROR[\s\S]*line 2[\s\S]*SourceError[\s\S]*failed/);
  assert.equal(await page.locator(".cm-failed-line").innerText(), "sources['warehouse'].execute('select 1')");
  await outcome(page).getByRole("link", { name: "2" }).click();
  assert.equal(await editor(page).evaluate((one) => one === document.activeElement), true);
});

story("sources and their methods complete themselves, with their doc", server, {}, async ({ page }) => {
  await page.goto("/create");
  await editor(page).click();
  await page.keyboard.type("sources[");
  const offered = page.locator(".cm-tooltip-autocomplete");
  await offered.getByText("'shop'").waitFor();
  assert.match(await offered.innerText(), /'shop'[\s\S]*'warehouse'/);
  await page.keyboard.type("'sh");
  await until(() => offered.locator("li").count(), 1);
  await accept(page);
  await until(() => script(page), "sources['shop']");
  await page.keyboard.type(".get_a");
  await offered.getByText("get_avg").waitFor();
  await page.locator(".cm-completionInfo").getByText("The average of the values").waitFor();
  await accept(page);
  await until(() => script(page), "sources['shop'].get_avg()");
});

story("inside what a source is asked its own names complete themselves, and a call shows its signature", server, {}, async ({ page }) => {
  await page.goto("/create");
  const offered = page.locator(".cm-tooltip-autocomplete");
  const signature = page.locator(".cm-signature");
  await write(page, "shop = sources['shop']\n");
  await page.keyboard.press("Control+End");
  await page.keyboard.type("shop.get_a");
  await offered.getByText("get_avg").click();
  await signature.getByText("get_avg(path, from_date=None, to_date=None)").waitFor();
  assert.equal(await signature.locator("b").innerText(), "path");
  await page.keyboard.type("'shop.");
  const labels = async () => (await offered.locator(".cm-completionLabel").allInnerTexts()).slice(0, 3);
  await until(labels, ["shop.errors", "shop.requests", "shop.latency_p95"], "the shortest first");
  await page.keyboard.type("lat");
  await until(() => offered.locator("li").count(), 1);
  await offered.locator("li").click();
  await until(() => script(page), "shop = sources['shop']\nshop.get_avg('shop.latency_p95')");
  await page.keyboard.press("End");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.type(", to_date=");
  await until(() => signature.locator("b").innerText(), "to_date=None");
  await page.keyboard.press("Control+End");
  await until(() => signature.count(), 0);
  await page.keyboard.type("\nhistory(");
  await signature.getByText("history(since='-7d', until=None)").waitFor();
});

everywhere("a statement completes tables and columns, and says where the source is away", server, async ({ page }) => {
  await page.goto("/create");
  const offered = page.locator(".cm-tooltip-autocomplete");
  await write(page, "");
  await page.keyboard.type("sources['own'].execute('select * from moni");
  await offered.getByText("monitors", { exact: true }).waitFor();
  await until(() => offered.locator(".cm-completionLabel").first().innerText(), "monitors", "the shortest first");
  await offered.getByText("monitors", { exact: true }).click();
  await page.keyboard.type(" m where m.");
  await offered.getByText("description", { exact: true }).waitFor();
  await page.keyboard.type("sch");
  await offered.getByText("schedule", { exact: true }).click();
  await until(() => script(page), "sources['own'].execute('select * from monitors m where m.schedule')");
  await fits(page);
  await write(page, "");
  await page.keyboard.type("sources['warehouse'].execute('select * from or");
  await page.getByRole("status").getByText("sources['warehouse'] names nothing now: connection refused").waitFor();
  await until(() => offered.count(), 0);
  await page.keyboard.type("ders");
  assert.equal(await script(page), "sources['warehouse'].execute('select * from orders')", "one goes on");
});

story("the page of sources completes a question, and lists what there is to ask about", server, {}, async ({ page }) => {
  await page.goto("/sources");
  const row = page.locator("li").filter({ hasText: "sources['own']" });
  await row.getByText("Methods, and try a query").click();
  const query = row.getByRole("textbox", { name: /Python/ }).and(row.locator(".cm-content"));
  await query.click();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("print(sources['own'].execute('select 6 * 7 from met");
  await page.locator(".cm-tooltip-autocomplete").getByText("meta", { exact: true }).click();
  await page.keyboard.type(" limit 1");
  await page.keyboard.press("Control+Enter");
  await page.getByText("[(42,)]").first().waitFor();
  await row.getByLabel("Tables and columns").fill("tags");
  await row.getByRole("button", { name: "Show" }).click();
  await page.locator(".names-found").getByText("tag TEXT, monitor_id INTEGER").waitFor();
  await fits(page);
});

story("a syntax error is underlined as one types, and says what Python says", server, {}, async ({ page }) => {
  await page.goto("/create");
  await write(page, "x = 1\nif x\n    pass\n");
  const wrong = page.locator(".cm-lintRange-error");
  await wrong.waitFor();
  assert.match(await wrong.innerText(), /if x/);
  await page.locator(".cm-lint-marker-error").hover();
  await page.locator(".cm-diagnostic").getByText("expected ':'").waitFor();
  await write(page, "x = 1\n");
  await until(() => wrong.count(), 0);
});

story("the schedule is read back in words with its next ticks", server, {}, async ({ page }) => {
  await page.goto("/create");
  const read = page.locator("#read-back");
  await page.getByLabel("Schedule", { exact: true }).fill("0 9 * * 1-5");
  await page.getByLabel("Time zone").fill("America/New_York");
  await until(async () => (await read.innerText()).match(/09:00 UTC-[45]/g)?.length, 5);
  await page.getByLabel("Schedule", { exact: true }).fill("0 9 31 2 *");
  await page.locator("#schedule-fault").waitFor();
  await page.getByLabel("Schedule", { exact: true }).fill("@daily");
  await until(() => page.locator("#schedule-fault").count(), 0);
});

everywhere("a refused save keeps every field, with each fault at its own", server, async ({ page, expects, server }) => {
  await page.goto("/create");
  await write(page, "if True:\n  x = </textarea>");
  const typed = { Schedule: "61 * * * *", Tags: "a, b", "Alarm after": "many", Description: "who to call" };
  for (const [label, text] of Object.entries(typed)) await page.getByLabel(label, { exact: true }).fill(text);
  expects("422");
  await page.keyboard.press("Control+s");
  await page.getByRole("alert").getByText("4 fields need another look").waitFor();
  for (const field of ["name", "script", "schedule", "alarm_after"]) assert.equal(await page.locator(`#${field}-fault`).count(), 1, field);
  for (const [label, text] of Object.entries(typed)) assert.equal(await page.getByLabel(label, { exact: true }).inputValue(), text);
  assert.equal(await script(page), "if True:\n  x = </textarea>");
  assert.equal(await page.locator(".cm-failed-line").innerText(), "  x = </textarea>");
  assert.ok(!(await server.names()).includes(""));
});

story("a form sent twice makes one monitor", server, {}, async ({ page, server }) => {
  await page.goto("/create");
  await page.getByLabel("Name", { exact: true }).fill("Only one");
  await write(page, "return_value = 1");
  const save = page.getByRole("button", { name: /^Create/ });
  await save.evaluate((button) => (button.click(), button.click()));
  await page.getByRole("heading", { name: "Only one" }).waitFor();
  assert.equal((await server.names()).filter((name) => name === "Only one").length, 1);
});

everywhere("the second editor is told, and nothing is overwritten", server, async ({ page, server, expects }) => {
  const id = await server.monitor({ name: "Shared", script: "return_value = 'first'" });
  await page.goto(`/monitor/${id}/edit`);
  const other = await person(server);
  await other.page.goto(`/monitor/${id}/edit`);
  await write(other.page, "return_value = 'theirs'");
  await other.page.getByRole("button", { name: /^Save/ }).click();
  await other.page.getByRole("heading", { name: "Shared" }).waitFor();
  await other.leave();
  await write(page, "return_value = 'mine'");
  expects("409");
  await page.keyboard.press("Control+s");
  await page.getByText("Someone else saved this monitor").waitFor();
  assert.equal((await server.api("GET", `/monitors/${id}`)).script, "return_value = 'theirs'");
  assert.equal(await script(page), "return_value = 'mine'");
  await page.getByText("Their script").click();
  await page.locator("pre").getByText("'theirs'").waitFor();
  await page.keyboard.press("Control+s");
  await page.getByRole("heading", { name: "Shared" }).waitFor();
  assert.equal((await server.api("GET", `/monitors/${id}`)).script, "return_value = 'mine'");
});

story("an example is something to start from", server, {}, async ({ page }) => {
  await page.goto("/create");
  await page.getByRole("link", { name: "Sudden drop" }).click();
  await until(() => page.getByLabel("Name", { exact: true }).inputValue(), "Sudden drop");
  assert.match(await script(page), /previous/);
  await until(() => page.getByText("Start from").count(), 0);
});

story("a lost session loses nothing typed", server, {}, async ({ page, context, expects, server }) => {
  await page.goto("/create");
  await page.getByLabel("Name", { exact: true }).fill("Session lost");
  await write(page, "return_value = 'kept'");
  await context.clearCookies();
  expects("403");
  await page.getByRole("button", { name: /^Create/ }).click();
  await page.getByText("press save again").waitFor();
  assert.equal(await script(page), "return_value = 'kept'");
  await page.getByRole("button", { name: /^Create/ }).click();
  await page.getByRole("heading", { name: "Session lost" }).waitFor();
  assert.ok((await server.names()).includes("Session lost"));
});

story("a server that is away when one saves loses nothing typed, nor does a closed tab", server, {}, async ({ page, context, expects, server }) => {
  await page.goto("/create");
  await page.getByLabel("Name", { exact: true }).fill("Restarted");
  await page.getByLabel("Run on this schedule").uncheck();
  await write(page, "return_value = 'kept'");
  expects("ERR_CONNECTION_REFUSED", "lost: .*/(healthz|events|turns)", "ERR_INCOMPLETE_CHUNKED_ENCODING");
  await server.stop();
  await page.getByRole("button", { name: /^Create/ }).click();
  await page.getByRole("alert").getByText("Nothing is lost").waitFor();
  assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "Restarted");
  assert.equal(await script(page), "return_value = 'kept'");
  await page.close();
  await server.start();
  const again = await context.newPage();
  await again.goto("/create");
  await again.getByRole("button", { name: "Take it up" }).click();
  assert.equal(await again.getByLabel("Name", { exact: true }).inputValue(), "Restarted");
  assert.equal(await again.getByLabel("Run on this schedule").isChecked(), false);
  assert.equal(await script(again), "return_value = 'kept'");
  await again.getByRole("button", { name: /^Create/ }).click();
  await again.getByRole("heading", { name: "Restarted" }).waitFor();
  await again.goto("/create");
  assert.equal(await again.locator("#draft").innerText(), "", "a draft that was saved is gone");
});

everywhere("an answer over HTTP is read at a glance, with its body and its headers", server, async ({ page }) => {
  await page.goto("/create");
  await write(page, "page = sources['intranet'].get('/taken')\nreturn_value = page.status\n");
  await page.getByRole("button", { name: /^Run once/ }).click();
  await outcome(page).getByText(/^200 OK · [\d.]+ m?s · 9 B$/).waitFor();
  await outcome(page).getByText("thank you", { exact: true }).waitFor();
  await outcome(page).getByText("Headers").click();
  await outcome(page).getByText("text/plain").waitFor();
  assert.ok(!(await outcome(page).innerText()).includes("__revere__"));
  await fits(page);
});

story("several crontabs stand one a line, and are read back together", server, {}, async ({ page }) => {
  await page.goto("/create");
  const field = page.getByLabel("Schedule", { exact: true });
  const read = page.locator("#read-back");
  await field.fill("*/5 9-16 * * 1-5\n0 17 * * 1-5");
  await until(async () => (await read.innerText()).includes("every 5 minutes from 09:00 to 16:55 on weekdays; every weekday at 17:00"), true);
  assert.ok((await field.boundingBox()).height > 40, "both lines are seen");
  await field.fill("@daily\n0 25 * * *");
  await page.locator("#schedule-fault").getByText("line 2: hour: 25 is outside 0-23").waitFor();
  await page.getByLabel("Presets for the schedule").selectOption("every 5 minutes from 9:00 to 17:00 on weekdays");
  await until(() => field.inputValue(), "*/5 9-16 * * 1-5\n0 17 * * 1-5");
});

everywhere("a script sees its monitor's own past when it is tried out, and completes it", server, async ({ page, server }) => {
  const id = await server.monitor({ name: "Has a past", runs: 3 });
  await page.goto(`/monitor/${id}/edit`);
  await editor(page).click();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("x = hist");
  await page.locator(".cm-tooltip-autocomplete").getByText("history", { exact: true }).waitFor();
  await page.locator(".cm-completionInfo").getByText("own recorded runs").waitFor();
  await page.locator(".cm-tooltip-autocomplete").getByText("history", { exact: true }).click();
  await until(() => script(page), "x = history('-7d')");
  await write(page, "threshold = 2\nreturn_value = len(history('-1d'))\n");
  await page.keyboard.press("Control+Enter");
  await outcome(page).getByText("history('-1d')", { exact: true }).waitFor();
  assert.match(await outcome(page).innerText(), /return_value\s+3\s+threshold\s+2/);
  await server.api("DELETE", `/monitors/${id}`);
});

everywhere("some of the last runs have to fail before an alarm, and a window that is too short is said at its field", server, async ({ page, expects, server }) => {
  const id = await server.monitor({ name: "Now and then", runs: 0, script: "raise MonitorFailure('now and then')" });
  await page.goto(`/monitor/${id}/edit`);
  await page.getByLabel("Alarm after", { exact: true }).fill("2");
  await page.getByLabel("Alarm window", { exact: true }).fill("1");
  expects("422");
  await page.getByRole("button", { name: /^Save/ }).click();
  await page.locator("#alarm_window-fault").waitFor();
  await page.getByLabel("Alarm window", { exact: true }).fill("3");
  await page.getByRole("button", { name: /^Save/ }).click();
  await page.getByRole("heading", { name: "Now and then" }).waitFor();
  await page.getByText("2 of the last 3 runs", { exact: false }).waitFor();
  await fits(page);
  const states = [];
  for (const fails of [true, false, true]) {
    await server.api("PATCH", `/monitors/${id}`, { script: fails ? "raise MonitorFailure('now and then')" : "return_value = 1" });
    await server.api("POST", `/monitors/${id}/run`, {});
    states.push((await server.api("GET", `/monitors/${id}`)).state);
  }
  assert.deepEqual(states.map((state) => state === "ALARM"), [false, false, true]);
  await server.api("DELETE", `/monitors/${id}`);
});
