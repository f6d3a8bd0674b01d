// Who is on call: seen at a glance, changed for a night, and asked for beforehand.
import assert from "node:assert/strict";
import { everywhere, fits, serve } from "./harness.js";
import { look } from "./look.js";

// Ann is on call from Monday to Friday, and nobody on weekends.
const more = (address) => `
REVERE_ALERTS |= {
    'phone': {'type': 'webhook', 'config': {'url': '${address}/taken'}},
    'night': {'type': 'on_call', 'description': 'Whoever has the phone', 'config': {
        'people': {'ann': 'phone', 'ben': 'phone'}, 'zone': 'UTC', 'escalate_after': '15min',
        'layers': [{'name': 'weeks', 'people': ['ann'], 'from': '2020-01-06', 'weekdays': ['mon', 'tue', 'wed', 'thu', 'fri']},
                   {'name': 'all else', 'people': ['ann'], 'from': '2020-01-07', 'weekdays': ['sat']}]}},
}
`;
const server = serve({ more });

// As the browser's field for date and time has it, so many hours from now.
const inHours = (hours) => new Date(Date.now() + hours * 3600e3).toISOString().slice(0, 16);

everywhere("somebody takes another one's place for a night, and gives it back", server, async ({ page, server, expects }) => {
  expects("422 .*on-call", "Failed to load resource.*422");
  await page.goto("/alerts");
  await page.getByText("Nobody is on call").waitFor();
  await page.getByRole("link", { name: "On call", exact: true }).click();
  await page.getByRole("heading", { name: "On call", exact: true }).waitFor();
  await page.getByText("✕ nobody").first().waitFor();
  await fits(page);
  assert.deepEqual(await look(page, "on_call"), []);
  await page.getByText("Add an override").click();
  await page.getByLabel("On call is").selectOption("ben");
  await page.getByLabel("Until").fill(inHours(-2));
  await page.getByLabel("Why").fill("swapped");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByText("is over already").waitFor();
  assert.equal(await page.getByLabel("Why").inputValue(), "swapped");
  assert.equal(await page.getByLabel("On call is").inputValue(), "ben");
  await fits(page);
  assert.deepEqual(await look(page, "on_call_refused"), []);
  await page.getByLabel("Until").fill(inHours(8));
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByText("● in force").waitFor();
  await page.getByText("● now").locator("..").getByText("ben").waitFor();
  await fits(page);
  const id = await server.monitor({ name: "Asked about" });
  await page.goto(`/monitor/${id}/who`);
  await page.getByText("ben by phone; then ann").waitFor();
  await fits(page);
  assert.deepEqual(await look(page, "who_on_call"), []);
  await page.goto("/on-call");
  await page.getByRole("button", { name: /^End now/ }).click();
  await page.getByText("None.").waitFor();
  await server.api("DELETE", `/monitors/${id}`);
});
