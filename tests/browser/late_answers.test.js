// Answers that come late: what a page shows is never taken back by what was asked for before it.
import assert from "node:assert/strict";
import { serve, story, until } from "./harness.js";

const server = serve();

// Has the page get the first answer (or failure) to what is asked at such an address only when it is let come, whatever is asked and
// answered meanwhile; `body`: its head comes at once; `after` so many that come as ever. An answer has come when the page has done
// with it what it does.
async function keepsBack(page, part, { body = false, after = 0 } = {}) {
  await page.addInitScript(
    ([part, body, after]) => {
      const { fetch } = window;
      window.asked = 0;
      window.fetch = async (asked, ...how) => {
        if (!new URL(asked, location.href).href.includes(part) || window.asked++ !== after) return fetch(asked, ...how);
        const words = await fetch(asked, ...how).then(
          (answer) => answer.text(),
          () => null,
        );
        const coming = new Promise((come) => (window.letCome = come));
        const taken = () => setTimeout(() => (window.taken = true));
        if (!body) await coming;
        if (words === null) {
          taken();
          throw new TypeError("Failed to fetch");
        }
        const read = async () => {
          await coming;
          taken();
          return words;
        };
        return Object.assign(new Response(null), { text: read, json: async () => JSON.parse(await read()) });
      };
    },
    [part, body, after],
  );
  return {
    // How often such an address was asked for.
    asked: () => page.evaluate(() => window.asked),
    kept: () => until(() => page.evaluate(() => Boolean(window.letCome)), true, `${part} is answered`),
    comes: async () => {
      await page.evaluate(() => window.letCome());
      await until(() => page.evaluate(() => window.taken === true), true, `${part} has come`);
    },
  };
}

story("the delivery log is not taken back", server, {}, async ({ page, server }) => {
  const id = await server.monitor({ name: "Told meanwhile", runs: 0, script: "raise MonitorFailure('now')" });
  const late = await keepsBack(page, "/alerts?monitor=");
  await page.goto(`/alerts?monitor=${id}&alert=team`);
  const nothing = page.getByText("Nothing fits.");
  await nothing.waitFor();
  await late.kept();
  await server.api("POST", `/monitors/${id}/run`, {});
  // Its own, and instead of the pager.
  const statuses = () => page.locator("#deliveries .c-status").allInnerTexts();
  await until(async () => (await statuses()).map((status) => status.includes("delivered")), [true, true]);
  await late.comes();
  assert.equal(await nothing.count(), 0);
  assert.equal((await statuses()).length, 2);
  await server.api("DELETE", `/monitors/${id}`);
});

story("the number in the title of a tab that nobody looks at is not taken back", server, {}, async ({ page, server }) => {
  const id = await server.monitor({ name: "Counted meanwhile" });
  const late = await keepsBack(page, "/counts");
  await page.clock.install();
  await page.goto("/");
  await page.evaluate(() => {
    Object.defineProperty(document, "hidden", { get: () => true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  const before = Number(/^\((\d+)\)/.exec(await page.title())?.[1] ?? 0);
  await page.clock.fastForward(10_000);
  await late.kept();
  await server.api("PATCH", `/monitors/${id}`, { script: "raise MonitorFailure('counted')" });
  await server.api("POST", `/monitors/${id}/run`, {});
  await page.clock.fastForward(10_000);
  const more = `(${before + 1}) Monitors · Revere`;
  await until(() => page.title(), more);
  await late.comes();
  assert.equal(await page.title(), more);
  await server.api("DELETE", `/monitors/${id}`);
});

story("a page whose server is back does not say that it is away", server, {}, async ({ page, server, expects }) => {
  const id = await server.monitor({ name: "Back meanwhile" });
  const late = await keepsBack(page, "/counts");
  await page.goto("/");
  expects("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET");
  await server.stop();
  await late.kept();
  await server.start();
  await server.api("PATCH", `/monitors/${id}`, { script: "raise MonitorFailure('it is back')" });
  await server.api("POST", `/monitors/${id}/run`, {});
  await page.getByText("it is back").waitFor();
  const away = page.getByText("The server does not answer; trying again.");
  await away.waitFor({ state: "hidden" });
  await late.comes();
  assert.equal(await away.isVisible(), false);
  await server.api("DELETE", `/monitors/${id}`);
});

story("a list that was searched shows of each monitor what the stream has said meanwhile", server, {}, async ({ page, server }) => {
  // Without a change of state nothing else asks for the list.
  const id = await server.monitor({ name: "Runs meanwhile", script: "return_value = 'earlier' if previous is None else 'later'" });
  const late = await keepsBack(page, "part=list");
  await page.goto("/");
  const value = async () => /earlier|later/.exec(await page.locator(`#m${id} .c-value`).innerText())?.[0];
  assert.equal(await value(), "earlier");
  await page.getByLabel("Search by name or tag").fill("meanwhile");
  await late.kept();
  await server.api("POST", `/monitors/${id}/run`, {});
  await until(value, "later");
  await late.comes();
  assert.equal(new URL(page.url()).search, "?q=meanwhile", "it is shown");
  await until(value, "later");
  await server.api("DELETE", `/monitors/${id}`);
});

story("what is searched for is not taken back when states change meanwhile", server, {}, async ({ page, server }) => {
  const id = await server.monitor({ name: "Searched meanwhile" });
  const late = await keepsBack(page, "part=list");
  await page.clock.install();
  await page.goto("/");
  await page.getByLabel("Search by name or tag").fill("nobody");
  await page.clock.fastForward(200);
  await late.kept();
  await page.evaluate(() => document.dispatchEvent(new Event("revere:counted")));
  await page.clock.fastForward(2000);
  await late.comes();
  await until(() => new URL(page.url()).search, "?q=nobody");
  await server.api("DELETE", `/monitors/${id}`);
});

story("a list is ordered anew while states go on changing, however slowly its answers come", server, {}, async ({ page, server }) => {
  const first = await server.monitor({ name: "Ordered meanwhile, first" });
  const late = await keepsBack(page, "part=list");
  await page.clock.install();
  await page.goto("/?q=ordered");
  const second = await server.monitor({ name: "Ordered meanwhile, second" });
  for (let seconds = 0; seconds < 3; seconds += 1) {
    await page.evaluate(() => document.dispatchEvent(new Event("revere:counted")));
    await page.clock.fastForward(1000);
  }
  assert.equal(await late.asked(), 1, "the changes do not put it off");
  await late.kept();
  for (let seconds = 0; seconds < 3; seconds += 1) {
    await page.evaluate(() => document.dispatchEvent(new Event("revere:counted")));
    await page.clock.fastForward(1000);
  }
  assert.equal(await late.asked(), 1, "no other one is asked for while it is on its way");
  await late.comes();
  await page.getByText("Ordered meanwhile, second").waitFor();
  for (const id of [first, second]) await server.api("DELETE", `/monitors/${id}`);
});

story("a chart whose answers come slowly shows what ran meanwhile", server, {}, async ({ page, server }) => {
  const id = await server.monitor({ name: "Charted meanwhile", script: "return_value = 1" });
  // The first is that of the page itself; another one may come with the first words of the stream.
  const late = await keepsBack(page, "/chart", { after: 1 });
  await page.clock.install();
  await page.goto(`/monitor/${id}`);
  const label = () => page.locator("[data-chart]").getAttribute("aria-label");
  await until(async () => (await late.asked()) >= 1, true);
  const before = await label();
  const runs = async () => {
    await server.api("POST", `/monitors/${id}/run`, {});
    await page.evaluate(() => document.dispatchEvent(new CustomEvent("revere:changed", { detail: { changed: [{}] } })));
  };
  await runs();
  await late.kept();
  for (let slow = 0; slow < 2; slow += 1) {
    await runs();
    await page.clock.fastForward(6000);
  }
  assert.equal(await late.asked(), 2, "no other one is asked for while it is on its way");
  await late.comes();
  await until(async () => (await label()) !== before, true);
  // What came while it was on its way is asked for after it.
  await until(async () => (await late.asked()) >= 3, true);
  await server.api("DELETE", `/monitors/${id}`);
});

story("what is saved of an alert while it sends a test stays, and what came of the test is shown", server, {}, async ({ page, server }) => {
  const late = await keepsBack(page, "/alert/team/test");
  await page.goto("/alerts");
  const team = page.locator("tbody[data-alert=team]");
  const states = async () => (await server.api("GET", "/alerts")).items.find((one) => one.key === "team").states;
  const before = await states();
  const button = team.getByRole("button", { name: "Send a test" });
  await button.click();
  await late.kept();
  await team.getByLabel(/OK$/).uncheck();
  await team.getByText("Saved").waitFor();
  assert.equal(await button.isDisabled(), true, "the test is still on its way");
  await late.comes();
  await team.getByText("The test was taken.").waitFor();
  assert.deepEqual([await team.getByLabel(/OK$/).isChecked(), await button.isEnabled()], [false, true]);
  // What is saved next goes on from there.
  await team.getByLabel(/OK$/).check();
  await until(states, before);
});

story("a try-out ends when all of its answer is there", server, {}, async ({ page }) => {
  const late = await keepsBack(page, "/try", { body: true });
  await page.goto("/create");
  await page.getByRole("textbox", { name: "Script", exact: true }).and(page.locator(".cm-content")).click();
  await page.keyboard.insertText("print('tried')");
  await page.keyboard.press("Control+Enter");
  await late.kept();
  const run = page.getByRole("button", { name: /^Run once/ });
  assert.equal(await run.isDisabled(), true, "another one would be overtaken by it");
  await late.comes();
  await page.locator("#outcome").getByText("tried", { exact: true }).waitFor();
  assert.equal(await run.isEnabled(), true);
});
