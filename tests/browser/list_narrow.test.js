// The list in a window of 360 pixels, with names of 200 characters, twenty tags and numbers of every size: everything is there,
// nothing lies over anything, and what is done with many is within reach.
import assert from "node:assert/strict";
import { fits, story, until } from "./harness.js";
import { look } from "./look.js";
import { longest, overprinted, uglyServer } from "./ugly.js";

const server = uglyServer({ deliveries: 0 });
const width = 360;
const names = (page) => page.locator(".monitors .name").allTextContents();

// What can be pressed or filled in inside of a box and is not whole within the window, or lies over another.
const crowded = (box) =>
  box.evaluate((box) => {
    const room = document.documentElement.clientWidth;
    const seen = [...box.querySelectorAll("a, button, input:not([type=hidden]), select, summary, .state, time")]
      .filter((one) => one.checkVisibility({ visibilityProperty: true }))
      .map((one) => [one, one.getBoundingClientRect()])
      .filter(([, place]) => place.width > 0 && place.height > 0);
    const called = (one) => (one.getAttribute("aria-label") ?? (one.textContent.trim() || one.name)).slice(0, 30);
    const found = seen.filter(([, place]) => place.left < -1 || place.right > room + 1).map(([one]) => `${called(one)} leaves the window`);
    seen.forEach(([one, a], at) => {
      for (const [other, b] of seen.slice(at + 1)) {
        if (one.contains(other) || other.contains(one)) continue;
        const apart = a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
        if (!apart) found.push(`${called(one)} and ${called(other)}`);
      }
    });
    return found;
  });

async function stands(page, what) {
  await fits(page);
  assert.deepEqual(await overprinted(page), [], what);
}

story(`at ${width} every row has its name, its state, its tags and its value`, server, { width }, async ({ page, server }) => {
  await page.goto("/");
  const rows = page.locator(".monitors tbody tr");
  assert.equal(await rows.count(), Object.keys(server.ids).length);
  assert.deepEqual(await look(page, "list-narrow"), []);
  await stands(page, "as it begins");
  for (const row of await rows.all()) {
    assert.deepEqual(await crowded(row), [], await row.locator(".name").innerText());
    assert.ok(await row.locator(".c-state .state").isVisible());
    const { height } = await row.boundingBox();
    // A name, three tags of fifty characters, a message and how it stands.
    assert.ok(height < 150, `${height} px`);
    const value = row.locator(".c-value");
    const cut = await value.evaluate((one) => one.scrollWidth > one.clientWidth + 1);
    assert.ok(!cut || !/^-?[\d.]/.test(await value.innerText()), `a number is never cut: ${await value.innerText()}`);
  }
  const long = page.locator(`#m${longest(server.ids)}`);
  assert.equal(await long.getByLabel("17 more tags").isVisible(), true);
  const name = await long.locator(".name").boundingBox();
  assert.ok(name.width > 200, `the name has ${name.width} px of its row`);
  const values = { "Bytes free": "123.5 GB", Debt: "-123.5 G EUR", "Beyond 64 bits": "1e400" };
  for (const [name, value] of Object.entries(values)) {
    assert.equal((await page.locator(`#m${server.ids[name]} .c-value`).innerText()).replace(/\s/g, " "), value);
  }
});

story(`at ${width} the list is filtered, ordered, and a filter of forty characters is kept`, server, { width }, async ({ page, server }) => {
  await page.goto("/");
  assert.deepEqual(await crowded(page.locator("form.filters")), []);
  assert.deepEqual(await crowded(page.getByRole("navigation", { name: "By state" })), []);
  await page.getByLabel("Order", { exact: true }).selectOption("By name");
  await until(() => new URL(page.url()).searchParams.get("sort"), "name");
  await stands(page, "ordered");
  await page.getByLabel("Severity", { exact: true }).selectOption("critical");
  await until(() => new URL(page.url()).searchParams.get("severity"), "critical");
  await page.getByLabel("Tag", { exact: true }).first().selectOption(`01${"w".repeat(48)}`);
  await until(async () => (await names(page)).every((one) => one.startsWith("Donau")), true);
  await stands(page, "filtered");
  assert.deepEqual(await crowded(page.locator("form.filters")), []);
  await page.getByText("Save this filter").click();
  await stands(page, "about to be kept");
  assert.deepEqual(await crowded(page.locator(".saved")), []);
  const kept = "W".repeat(40);
  await page.getByLabel("Name of the filter").fill(kept);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  const link = page.getByRole("list", { name: "Saved filters" }).getByRole("link", { name: kept });
  await link.waitFor();
  await stands(page, "kept");
  assert.deepEqual(await crowded(page.locator(".saved")), []);
  assert.deepEqual(await look(page, "list-narrow-filtered"), []);
  await page.getByRole("button", { name: `Delete the filter ${kept}` }).click();
  await until(() => link.count(), 0);
  await page.getByRole("link", { name: "Clear" }).click();
  await until(async () => (await names(page)).length, Object.keys(server.ids).length);
});

story(`at ${width} the bar for many is whole, covers no last row, and leads to a page that fits`, server, { width }, async ({ page, server }) => {
  await page.goto("/");
  const bar = page.locator("[data-bulk]");
  assert.equal(await bar.isVisible(), false, "nothing is chosen yet");
  await page.getByLabel("Choose all on this page").check();
  await page.getByText(`${Object.keys(server.ids).length} chosen:`).waitFor();
  assert.deepEqual(await crowded(bar), []);
  await stands(page, "all chosen");
  const { y, height } = await bar.boundingBox();
  const tall = page.viewportSize().height;
  assert.ok(y >= 0 && y + height <= tall + 1, `${y} to ${y + height} of ${tall} px`);
  assert.ok(height < tall / 2, `the list is still seen above it: ${height} px`);
  // What is pressed there is the button, and not what stands below it.
  for (const button of await bar.getByRole("button").all()) await button.click({ trial: true });
  assert.deepEqual(await look(page, "list-narrow-chosen", { whole: false }), []);
  // At the end of the page the last row stands above it.
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  const last = page.locator(".monitors tbody tr").last();
  const above = () => last.evaluate((row) => row.getBoundingClientRect().bottom <= document.querySelector("[data-bulk]").getBoundingClientRect().top + 1);
  await until(above, true, "the last row is seen");
  for (const setting of ["Schedule", "Time zone", "Runs kept", "Time limit"]) {
    await page.goto("/?q=batch");
    await page.getByLabel("Choose all on this page").check();
    await page.getByLabel("Setting", { exact: true }).selectOption(setting);
    await page.getByRole("button", { name: "Change…" }).click();
    await page.getByRole("heading", { name: `Change the ${setting.toLowerCase()} of 3 monitors` }).waitFor();
    await stands(page, setting);
  }
});
