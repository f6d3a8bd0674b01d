// The journeys of everybody who uses the pages, with data as it is: names of 200 characters, twenty tags, numbers of every size,
// markup in every text, thousands of deliveries. Nothing lies over anything, nothing is wider than the window, and all of it
// can be used; wide and narrow, light and dark.
import assert from "node:assert/strict";
import { everywhere, fits, story, until } from "./harness.js";
import { look } from "./look.js";
import { longAlert, longSource, longest, open, overprinted, uglyPages, uglyServer, uglyTexts } from "./ugly.js";

const server = uglyServer();
const rows = (page) => page.locator("#runs tbody tr:not(.day)");
const names = (page) => page.locator(".monitors .name").allTextContents();
const nameOf = (server, begins) => Object.keys(server.ids).find((name) => name.startsWith(begins));
const alert = (page, key) => page.locator(`[data-alert="${key}"]`);

// Nothing is wider than the window, and no words are over others.
async function stands(page, what = page.url()) {
  await fits(page);
  assert.deepEqual(await overprinted(page), [], what);
}

everywhere("every page stands", server, async ({ page, server }) => {
  const found = [];
  for (const [name, address] of Object.entries({ ...(await uglyPages(server)), ...uglyTexts(server) })) {
    await open(page, address);
    found.push(...(await look(page, `journey-${name}`)));
    found.push(...(await overprinted(page)).map((what) => `${name}: ${what}`));
  }
  assert.deepEqual(found, []);
});

story("every page fits a window of 360 pixels", server, { width: 360 }, async ({ page, server }) => {
  const found = [];
  for (const [name, address] of Object.entries(await uglyPages(server))) {
    await open(page, address);
    await fits(page).catch((error) => found.push(`${name}: ${error.message}`));
    found.push(...(await overprinted(page)).map((what) => `${name}: ${what}`));
  }
  assert.deepEqual(found, []);
});

everywhere("the list is searched, filtered, ordered, and many are changed", server, async ({ page, server }) => {
  await page.goto("/");
  await page.getByLabel("Search by name or tag").fill("donaudampf");
  await until(() => names(page), [nameOf(server, "Donau")]);
  await stands(page);
  await page.getByLabel("Search by name or tag").fill("<b>Orders</b>");
  await until(() => names(page), [nameOf(server, "<b>")]);
  await stands(page);
  await page.getByRole("link", { name: "Clear" }).click();
  await until(async () => (await names(page)).length, Object.keys(server.ids).length);
  const tag = `01${"w".repeat(48)}`;
  await page.getByLabel("Tag", { exact: true }).first().selectOption(tag);
  await until(() => names(page), [nameOf(server, "Donau")]);
  await stands(page);
  await page.goto("/?q=batch");
  await page.getByLabel("Choose all on this page").check();
  await page.getByText("3 chosen:").waitFor();
  await stands(page, "with some chosen");
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await until(() => page.locator(".monitors .state").allTextContents(), ["PAUSED", "PAUSED", "PAUSED"]);
  await page.getByLabel("Choose all on this page").check();
  await page.getByRole("button", { name: "Resume", exact: true }).click();
  await until(async () => (await server.api("GET", "/monitors?tag=batch")).items.every((one) => one.active), true);
  await page.goto("/?q=donaudampf");
  await page.getByLabel("Choose all on this page").check();
  await page.getByRole("button", { name: "Delete…" }).click();
  await page.getByLabel(/Type delete 1/).waitFor();
  await stands(page);
  for (const name of ["Batch 2", "Batch 10", "Batch 3"]) await server.api("POST", `/monitors/${server.ids[name]}/run`, {});
});

everywhere("a monitor in ALARM is read, run, paused, muted for a moment, and looked back at", server, async ({ page, server }) => {
  const of = `/monitor/${longest(server.ids)}`;
  await page.goto(of);
  await page.locator(".chart canvas").waitFor();
  const fold = page.locator("#stand details.fold");
  await fold.locator("summary").click();
  await stands(page, "unfolded");
  await fold.locator("summary").click();
  await page.getByRole("navigation", { name: "Range of the chart" }).getByRole("link", { name: "7 d", exact: true }).click();
  await until(() => new URL(page.url()).searchParams.get("range"), "7d");
  const newest = async () => (await server.api("GET", `/monitors/${longest(server.ids)}/runs?limit=1`)).items[0].id;
  const before = await newest();
  await page.getByRole("button", { name: "Run now" }).click();
  await until(async () => (await newest()) > before, true, "it ran");
  await page.locator(`#r${await newest()}`).waitFor();
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await page.getByRole("button", { name: "Resume", exact: true }).waitFor();
  await stands(page, "paused");
  await page.getByRole("button", { name: "Resume", exact: true }).click();
  await page.getByRole("button", { name: "Pause", exact: true }).waitFor();
  await page.getByText("Mute", { exact: true }).click();
  await fits(page);
  await page.getByRole("button", { name: "30 min", exact: true }).click();
  await page.locator(".notice.muted").waitFor();
  await stands(page, "muted");
  await page.goto("/mutes");
  await stands(page);
  await page.getByRole("button", { name: "End now" }).click();
  await page.getByText("Nothing is muted.").waitFor();
  await server.api("POST", `/monitors/${longest(server.ids)}/run`, {});
  await page.goto(of);
  await rows(page).first().locator(".c-when a").click();
  await page.getByRole("heading", { name: /^Run \d+$/ }).waitFor();
  await stands(page);
  await page.getByRole("link", { name: "History", exact: true }).click();
  await page.getByLabel("State", { exact: true }).selectOption("ALARM");
  await page.getByRole("button", { name: "Show" }).click();
  await rows(page).first().waitFor();
  await rows(page).first().locator("summary").click();
  await stands(page, "a run unfolded");
});

everywhere("a monitor is edited, refused with everything kept, tried and saved with a note", server, async ({ page, server, expects }) => {
  const [name, id] = [nameOf(server, "Donau"), server.ids[nameOf(server, "Donau")]];
  await page.goto(`/monitor/${id}/edit`);
  await page.locator(".cm-editor").waitFor();
  await page.getByLabel("Schedule", { exact: true }).fill("61 * * * *");
  expects("422");
  await page.keyboard.press("Control+s");
  await page.locator("#schedule-fault").waitFor();
  assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), name);
  assert.equal((await page.getByLabel("Tags", { exact: true }).inputValue()).split(",").length, 20);
  await stands(page, "refused");
  await page.getByLabel("Schedule", { exact: true }).fill("*/5 * * * *");
  await page.getByRole("button", { name: /^Run once/ }).click();
  await page.locator("#outcome .state-alarm").waitFor();
  await stands(page, "tried");
  await page.getByLabel("What changed and why, if you like").fill("nothing, but it was looked at. ".repeat(10).trim());
  await page.getByLabel("Alarm after", { exact: true }).fill("2");
  await page.getByRole("button", { name: /^Save/ }).last().click();
  await page.getByRole("heading", { name }).waitFor();
  await stands(page);
  await server.api("PATCH", `/monitors/${id}`, { alarm_after: 1 });
});

everywhere("thousands of deliveries are gone through, one alert is switched, tested and looked at", server, async ({ page, server }) => {
  await page.goto("/alerts");
  const log = page.locator("#deliveries tbody tr:not(.day)");
  for (let at = 0; at < 3; at += 1) {
    assert.ok((await log.count()) >= 20, "a page of them");
    await stands(page, `page ${at}`);
    const before = page.url();
    await page.getByRole("link", { name: "Older" }).click();
    await until(() => page.url() !== before, true);
  }
  await page.goto("/alerts");
  await page.getByLabel("Alert", { exact: true }).selectOption(longAlert);
  await page.getByLabel("Status", { exact: true }).selectOption({ index: 1 });
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.getByRole("link", { name: "Clear" }).waitFor();
  await stands(page);
  await page.goto("/alerts");
  const states = async () => (await server.api("GET", "/alerts")).items.find((one) => one.key === longAlert).states;
  await alert(page, longAlert).getByLabel(/OK$/).uncheck();
  // What answers it stands there before the next box is ticked.
  await alert(page, longAlert).getByText("Saved").waitFor();
  assert.deepEqual(await states(), ["ALARM", "ERROR"]);
  await alert(page, longAlert).getByLabel(/OK$/).check();
  await until(states, ["OK", "ALARM", "ERROR"]);
  await alert(page, longAlert).getByRole("button", { name: "Send a test" }).click();
  await alert(page, longAlert).getByText("The test was taken.").waitFor();
  await stands(page, "tested");
  assert.equal(await alert(page, "off").getByLabel(/is on$/).isChecked(), false, "what the file switches off does not look switched on");
  await alert(page, longAlert).getByRole("link", { name: /^Preview of/ }).click();
  await page.getByRole("heading", { name: "Preview", exact: true }).waitFor();
  await stands(page);
});

everywhere("sources are checked and asked", server, async ({ page }) => {
  await page.goto("/sources");
  await page.getByText("switched off in the configuration").waitFor();
  await page.getByRole("button", { name: "Check all" }).click();
  await page.getByText("✕ down").waitFor();
  const source = page.locator(".rows > li", { hasText: longSource });
  await source.getByText("Methods, and try a query").click();
  await source.getByRole("textbox", { name: /^Python/ }).and(page.locator(".cm-content")).fill(`print(sources['${longSource}'].get('/taken').text)`);
  await source.getByRole("button", { name: "Run" }).click();
  await page.locator(".rows > li", { hasText: longSource }).getByText("and put where all the others are").first().waitFor();
  await stands(page);
});

everywhere("a monitor is made of what is in the way, deleted by its name, and brought back", server, async ({ page, server }) => {
  const name = `<i>${"A".repeat(150)}</i> & "more"`;
  await page.goto("/create");
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.locator(".cm-content").click();
  await page.keyboard.insertText("return_value = '</textarea>' * 20\n");
  await page.getByLabel("Tags", { exact: true }).fill(Array.from({ length: 20 }, (_, at) => `tag ${at} of twenty`).join(", "));
  await page.getByLabel("Run on this schedule").uncheck();
  await page.getByRole("button", { name: /^Create/ }).click();
  await page.getByRole("heading", { name }).waitFor();
  await stands(page);
  await page.getByRole("link", { name: "Delete", exact: true }).click();
  await page.getByLabel(/Type its name/).fill(name);
  await stands(page, "to be deleted");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Undo" }).waitFor();
  await stands(page, "deleted");
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByRole("heading", { name }).waitFor();
  const made = (await server.api("GET", "/monitors?limit=200")).items.find((one) => one.name === name);
  await server.api("DELETE", `/monitors/${made.id}`);
});
