// The pages with monitors as they are: long names, many tags, numbers of every size, texts of pages. Nothing is cut into
// something else, nothing lies over anything, and everything can be read and reached. journeys.test.js looks at all of them.
import assert from "node:assert/strict";
import { everywhere, fits, serve, story, until } from "./harness.js";
import { uglyMonitors } from "./ugly.js";

const server = serve().then(async (server) => Object.assign(server, { ids: await uglyMonitors(server) }));
const longest = (ids) => ids[Object.keys(ids).find((name) => name.length === 200)];

// Boxes of a row that lie over each other.
const overlaps = (row) =>
  row.evaluate((row) => {
    const boxes = [...row.querySelectorAll("a, .state, time, td.c-value, svg.spark")]
      .map((one) => [one, one.getBoundingClientRect()])
      .filter(([, box]) => box.width > 0 && box.height > 0);
    const found = [];
    for (const [one, a] of boxes) {
      for (const [other, b] of boxes) {
        if (one === other || one.contains(other) || other.contains(one)) continue;
        const apart = a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
        if (!apart) found.push(`${one.textContent.slice(0, 20)} and ${other.textContent.slice(0, 20)}`);
      }
    }
    return found;
  });

for (const width of [1600, 1280, 390]) {
  story(`no row of the list prints over itself, at ${width}`, server, { width }, async ({ page }) => {
    await page.goto("/");
    for (const row of await page.locator(".monitors tbody tr").all()) assert.deepEqual(await overlaps(row), []);
    await fits(page);
  });
}

story("a name has sixty characters before anything of its row gives way", server, {}, async ({ page, server }) => {
  await page.goto("/");
  const name = page.locator(`#m${longest(server.ids)} .name`);
  const seen = await name.evaluate((one) => (one.clientWidth / one.scrollWidth) * one.textContent.length);
  assert.ok(seen >= 60, `${seen} characters are seen`);
});

everywhere("what the keyboard leads to is never behind the bar at the bottom", server, async ({ page }) => {
  await page.setViewportSize({ width: page.viewportSize().width, height: 700 });
  await page.goto("/create");
  await page.locator(".cm-editor").waitFor();
  await page.getByLabel("Name", { exact: true }).focus();
  for (let tab = 0; tab < 30; tab += 1) {
    await page.keyboard.press(tab === 1 ? "Escape" : "Tab");
    const hidden = await page.evaluate(() => {
      const bar = document.querySelector(".save");
      const one = document.activeElement;
      if (!one || one === document.body || bar.contains(one)) return null;
      const box = one.getBoundingClientRect();
      return box.bottom > bar.getBoundingClientRect().top + 1 && box.top < bar.getBoundingClientRect().bottom ? one.id || one.outerHTML.slice(0, 80) : null;
    });
    assert.equal(hidden, null, `after ${tab} tabs`);
  }
});

story("with Shift all monitors up to one are chosen", server, {}, async ({ page }) => {
  await page.goto("/?tag=batch");
  await page.goto("/");
  const boxes = page.locator("[name=pick]");
  await boxes.nth(1).click();
  await boxes.nth(5).click({ modifiers: ["Shift"] });
  assert.equal(await page.locator("[name=pick]:checked").count(), 5);
  await page.getByText("5 chosen:").waitFor();
});

story("a click in the chart opens the run, and the tip has the whole number", server, {}, async ({ page, server }) => {
  await page.goto(`/monitor/${server.ids["Bytes free"]}?range=1h`);
  const over = page.locator(".chart .u-over");
  let at;
  await until(async () => {
    const box = await over.boundingBox();
    at = [box.x + box.width - 3, box.y + box.height / 2];
    await page.mouse.move(at[0] - 1, at[1]);
    await page.mouse.move(...at);
    return /123 506 019 586 bytes/.test((await page.locator(".chart .tip").innerText()).replace(/\s/g, " "));
  }, true);
  await page.mouse.click(...at);
  await page.getByRole("heading", { name: /^Run \d+$/ }).waitFor();
});

story("a long message unfolds, and stays so while the page lives", server, {}, async ({ page, server }) => {
  await page.goto(`/monitor/${longest(server.ids)}`);
  const fold = page.locator("#stand details.fold");
  const closed = await fold.evaluate((one) => one.getBoundingClientRect().height);
  assert.ok(closed < 110, `three lines, not ${closed} px`);
  await fold.locator("summary").focus();
  await page.keyboard.press("Enter");
  assert.ok((await fold.evaluate((one) => one.getBoundingClientRect().height)) > 1000);
  await server.api("POST", `/monitors/${longest(server.ids)}/run`, {});
  await page.locator("#runs tbody tr:not(.day)").nth(1).waitFor();
  assert.equal(await fold.getAttribute("open"), "");
});
