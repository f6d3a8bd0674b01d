// Whom a problem reaches: chosen at the alert and at the monitor, asked about beforehand, and seen as it would be told.
import assert from "node:assert/strict";
import { everywhere, fits, listens, serve, story, until } from "./harness.js";
import { look } from "./look.js";

// Ann and Ben take turns.
const more = (address) => `
REVERE_ALERTS |= {
    'phone': {'type': 'webhook', 'config': {'url': '${address}/taken'}},
    'night': {'type': 'on_call', 'config': {'people': {'ann': 'phone', 'ben': 'phone'}, 'zone': 'UTC',
        'layers': [{'name': 'all', 'people': ['ann'], 'from': '2020-01-06'}]}},
}
`;
const server = serve({ more });

everywhere("an alert is for some tags, a monitor chooses others, and each no has its reason", server, async ({ page, server }) => {
  const id = await server.monitor({ name: "Routed", tags: ["shop"] });
  const answer = (alert) => page.locator("#who li").filter({ has: page.getByRole("link", { name: alert, exact: true }) });
  await page.goto("/alert/team/edit");
  await page.locator("[data-alert=team] .for summary").click();
  await page.getByLabel("Tags of the monitors it is for").fill("warehouse");
  await page.keyboard.press("Enter");
  const tags = async () => (await server.api("GET", "/alerts")).items.find(({ key }) => key === "team").tags;
  await until(tags, ["warehouse"]);
  await page.goto(`/monitor/${id}`);
  await page.getByRole("link", { name: "Who would be notified?" }).click();
  await page.getByRole("heading", { name: "Who would be notified?" }).waitFor();
  await answer("team").getByText("the alert is for monitors with other tags").waitFor();
  await answer("pager").getByText("it notifies of this").waitFor();
  await answer("night").getByText("on call: ann by phone").waitFor();
  await fits(page);
  assert.deepEqual(await look(page, "who"), []);

  await page.goto(`/monitor/${id}/edit`);
  await page.getByRole("checkbox", { name: "night" }).check();
  await page.getByRole("button", { name: /^Save/ }).click();
  await page.goto(`/monitor/${id}/who`);
  await answer("pager").getByText("other alerts are chosen for the monitor").waitFor();
  await page.getByRole("combobox", { name: "If it now were" }).selectOption("OK");
  await page.getByRole("button", { name: "Ask" }).click();
  await page.getByText("Nobody would be notified of").waitFor();
  await fits(page);
  assert.deepEqual(await look(page, "who_nobody"), []);

  await server.api("PUT", "/alerts/team", { tags: [] });
  await server.api("DELETE", `/monitors/${id}`);
});

everywhere("what an alert would say is seen, and other words are tried", server, async ({ page, server, expects }) => {
  expects("422 .*preview", "Failed to load resource.*422");
  const id = await server.monitor({ name: "Said", script: "raise MonitorFailure('51 are waiting')" });
  await page.goto("/alert/team/preview?monitor=Said");
  await page.getByText("51 are waiting").first().waitFor();
  await fits(page);
  await page.locator("#words-text").fill("{{ monitor.nam }}");
  await page.getByRole("button", { name: "Try" }).click();
  await page.locator("#words-text-fault").waitFor();
  assert.match(await page.locator("#words-text-fault").innerText(), /nam/);
  await fits(page);
  assert.deepEqual(await look(page, "preview_fault"), []);
  await page.locator("#words-text").fill("Look after {{ monitor.name }}!");
  await page.getByRole("button", { name: "Try" }).click();
  await page.locator("#message").getByText("Look after Said!").first().waitFor();
  await page.locator("#for-config").getByText("Look after").waitFor();
  await fits(page);
  assert.deepEqual(await look(page, "preview_words"), []);
  await server.api("DELETE", `/monitors/${id}`);
});

// Tab until something is reached, as a person does; not for ever.
async function tabTo(page, what) {
  const reached = () => page.evaluate((what) => (document.activeElement.labels?.[0]?.innerText ?? document.activeElement.innerText ?? "").trim().startsWith(what), what);
  for (let tab = 0; tab < 80; tab += 1) {
    if (await reached()) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`80 tabs do not lead to ${what}`);
}

story("a problem is muted, acknowledged, asked about and handed over with the keyboard alone", server, {}, async ({ page, server }) => {
  const { keyboard } = page;
  const id = await server.monitor({ name: "By hand", script: "raise MonitorFailure('no space left')" });
  await page.goto(`/monitor/${id}`);
  await listens(page, "By hand");
  await tabTo(page, "Mute");
  await keyboard.press("Enter");
  await tabTo(page, "2 h");
  await keyboard.press("Enter");
  await page.locator(".notice.muted").getByText(/muted, ends in/).waitFor();
  await listens(page, "By hand");
  await tabTo(page, "What you do about it");
  await keyboard.type("disks are on their way");
  await keyboard.press("Enter");
  await page.getByText("disks are on their way").waitFor();
  await listens(page, "By hand");
  await tabTo(page, "Who would be notified?");
  await keyboard.press("Enter");
  await listens(page, "Who would be notified?");
  await tabTo(page, "If it now were");
  await keyboard.press("E");
  await tabTo(page, "Ask");
  await keyboard.press("Enter");
  await until(() => new URL(page.url()).searchParams.get("state"), "ERROR");
  await listens(page, "Who would be notified?");
  await tabTo(page, "team");
  await keyboard.press("Enter");
  await listens(page, "team");
  await page.goto("/on-call");
  await listens(page, "On call");
  await tabTo(page, "Add an override");
  await keyboard.press("Enter");
  await tabTo(page, "On call is");
  await keyboard.press("b");
  await tabTo(page, "Until");
  await keyboard.type(new Date(Date.now() + 8 * 3600e3).toISOString().slice(0, 16));
  await tabTo(page, "Why");
  await keyboard.press("Tab");
  await keyboard.press("Enter");
  await page.getByText("● in force").waitFor();
  await listens(page, "On call");
  await tabTo(page, "End now");
  await keyboard.press("Enter");
  await page.getByText("None.").waitFor();
  for (const { id: mute } of (await server.api("GET", "/mutes")).items) await server.api("POST", `/mutes/${mute}/end`, {});
  await server.api("DELETE", `/monitors/${id}`);
});
