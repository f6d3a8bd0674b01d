// The author's loop: from Create to a monitor that runs, and everything that could lose what was typed.
import assert from "node:assert/strict";
import { everywhere, person, serve, story, until } from "./harness.js";

const server = serve();
const editor = (page) => page.getByRole("textbox", { name: "Script", exact: true }).and(page.locator(".cm-content"));
const script = (page) => page.locator("textarea[name=script]").inputValue();
const write = async (page, text) => {
  await editor(page).click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(text);
};
const outcome = (page) => page.locator("#outcome");

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
  await page.keyboard.press("Enter");
  await until(() => script(page), "sources['shop']");
  await page.keyboard.type(".get_a");
  await offered.getByText("get_avg").waitFor();
  await page.locator(".cm-completionInfo").getByText("The average of the values").waitFor();
  await page.keyboard.press("Enter");
  await until(() => script(page), "sources['shop'].get_avg()");
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
