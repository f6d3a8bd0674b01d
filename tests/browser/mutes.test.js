// Muting and acknowledging: what a person on call does in a hurry, and undoes later.
import assert from "node:assert/strict";
import { everywhere, fits, serve, until } from "./harness.js";
import { look } from "./look.js";

const server = serve();

everywhere("two clicks mute a monitor, one ends it, and every page says how many are in force", server, async ({ page, server }) => {
  const id = await server.monitor({ name: "Muted by two clicks" });
  await page.goto(`/monitor/${id}`);
  await page.getByText("Mute", { exact: true }).click();
  await fits(page);
  assert.deepEqual(await look(page, "mute_menu"), []);
  await page.getByRole("button", { name: "2 h", exact: true }).click();
  const said = page.locator(".notice.muted");
  await said.getByText(/muted, ends in (2 h|1 h 59 min)/).waitFor();
  await page.goto("/");
  await page.locator(`#m${id}`).getByText(/^muted, ends in/).waitFor();
  await page.getByRole("link", { name: "1 mute in force" }).click();
  await page.getByRole("heading", { name: "Mutes", exact: true }).waitFor();
  await fits(page);
  await page.getByRole("button", { name: "End now" }).click();
  await page.getByText("Nothing is muted.").waitFor();
  await page.getByRole("link", { name: "Over", exact: true }).click();
  await page.getByText("○ ended").first().waitFor();
  await server.api("DELETE", `/monitors/${id}`);
});

everywhere("many are muted at once from the list", server, async ({ page, server }) => {
  const ids = [];
  for (const name of ["Crowd one", "Crowd two"]) ids.push(await server.monitor({ name }));
  await page.goto("/?q=Crowd");
  for (const name of ["Crowd one", "Crowd two"]) await page.getByLabel(`Choose ${name}`).check();
  await page.getByLabel("Mute for").selectOption("8h");
  await page.getByRole("button", { name: "Mute", exact: true }).click();
  await until(() => page.locator(".tag.muted").filter({ hasText: "ends in" }).count(), 2);
  await fits(page);
  const [mute, ...others] = (await server.api("GET", "/mutes?over=false")).items;
  assert.deepEqual([mute.monitor_ids, others], [ids, []]);
  await server.api("POST", `/mutes/${mute.id}/end`, {});
  for (const id of ids) await server.api("DELETE", `/monitors/${id}`);
});

everywhere("a mute that comes each night is typed, and its faults stand beside their fields", server, async ({ page, server, expects }) => {
  expects("422 .*mutes", "Failed to load resource.*422");
  const id = await server.monitor({ name: "Nightly", tags: ["night"] });
  await page.goto("/mutes");
  await page.getByLabel("Monitors", { exact: true }).selectOption("night");
  await page.getByLabel("Alert", { exact: true }).selectOption("team");
  await page.getByLabel("Problems", { exact: true }).selectOption("warning");
  await page.getByLabel("For", { exact: true }).fill("8 nights");
  await page.getByLabel("Recurring").fill("0 22 * * *");
  await page.getByLabel("Why").fill("nobody reads it at night");
  await page.getByRole("button", { name: "Mute", exact: true }).click();
  await page.getByText("is no duration").waitFor();
  assert.equal(await page.getByLabel("Why").inputValue(), "nobody reads it at night");
  assert.equal(await page.getByLabel("Monitors", { exact: true }).inputValue(), "night");
  await fits(page);
  assert.deepEqual(await look(page, "mute_refused"), []);
  await page.getByLabel("For", { exact: true }).fill("8h");
  await page.getByRole("button", { name: "Mute", exact: true }).click();
  await page.getByText(/\(UTC\), for 8 h/).waitFor();
  assert.deepEqual(await look(page, "mutes"), []);
  await page.getByRole("button", { name: "End now" }).click();
  await page.getByText("Nothing is muted.").waitFor();
  await server.api("DELETE", `/monitors/${id}`);
});

everywhere("a problem is acknowledged with a note, and what a mute held back is shown", server, async ({ page, server }) => {
  const broken = { name: "Broken", script: "raise MonitorFailure('no space left')" };
  const id = await server.monitor({ ...broken, runs: 0 });
  const { id: mute } = await server.api("POST", "/mutes", { monitor_ids: [id], duration_s: 3600, reason: "new disks" });
  await server.api("POST", `/monitors/${id}/run`, {});
  await page.goto(`/monitor/${id}`);
  await page.getByPlaceholder("what you do about it").fill("disks are on their way");
  await page.getByRole("button", { name: "Acknowledge" }).click();
  await page.getByText("disks are on their way").waitFor();
  await fits(page);
  assert.deepEqual(await look(page, "acknowledged"), []);
  await page.getByRole("link", { name: "It held back 2 notifications" }).click();
  await page.getByRole("cell", { name: "pager, team" }).waitFor();
  await fits(page);
  assert.deepEqual(await look(page, "mute"), []);
  await server.api("POST", `/mutes/${mute}/end`, {});
  await page.goto("/");
  await page.locator(`#m${id}`).getByText("acknowledged").waitFor();
  await server.api("DELETE", `/monitors/${id}`);
});
