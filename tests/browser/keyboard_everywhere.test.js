// Every control of every page by the keyboard alone: Tab leads to it, it is seen to have the focus, it lies in the window and
// under nothing else.
import assert from "node:assert/strict";
import { everywhere, story, until } from "./harness.js";
import { open, uglyPages, uglyServer } from "./ugly.js";

const server = uglyServer({ deliveries: 40 });

// Notes for each control of the page whether Tab has to lead to it; says how many there are.
const controls = (page) =>
  page.evaluate(() => {
    const able = (one) => {
      if (one.tabIndex < 0 || one.disabled || one.closest("[inert], dialog:not([open])") || !one.checkVisibility({ visibilityProperty: true })) return false;
      const folded = one.closest("details:not([open])");
      if (folded && !(one.tagName === "SUMMARY" && one.parentElement === folded)) return false;
      const box = one.getBoundingClientRect();
      return box.width > 0 && box.height > 0;
    };
    const all = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex], [contenteditable=true]")].filter(able);
    // Of a group of radio buttons Tab leads to one.
    const radios = new Set();
    window.toReach = new Set(all.filter((one) => one.type !== "radio" || !one.name || (!radios.has(one.name) && radios.add(one.name))));
    window.reached = new Set();
    return window.toReach.size;
  });

// What is wrong with how the focused control stands there; whether it is the editor, which keeps Tab for itself until Esc; and
// whether all are reached.
const focused = (page) =>
  page.evaluate(() => {
    const one = document.activeElement;
    const where = (wrong) => ({
      wrong,
      inEditor: one?.classList.contains("cm-content") ?? false,
      done: [...window.toReach].every((each) => window.reached.has(each) || !each.isConnected),
    });
    if (!one || one === document.body || window.reached.has(one)) return where(null);
    window.reached.add(one);
    const name = one.outerHTML.slice(0, 100);
    const shows = (of) => {
      const style = getComputedStyle(of);
      return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1) || style.boxShadow !== "none";
    };
    // The editor shows it around the whole of itself.
    if (!shows(one) && !(one.closest(".editor") && shows(one.closest(".editor")))) return where(`no focus is seen: ${name}`);
    const boxes = [...one.getClientRects()].filter((box) => box.width > 0 && box.height > 0);
    const inside = boxes.map((box) => [Math.max(0, box.left), Math.min(innerWidth, box.right), Math.max(0, box.top), Math.min(innerHeight, box.bottom)]);
    const seen = inside.find(([left, right, top, bottom]) => right - left >= 1 && bottom - top >= 1);
    if (!seen) return where(`not in the window: ${name}`);
    const [left, right, top, bottom] = seen;
    const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    const under = hit && !one.contains(hit) && !hit.contains(one) && !one.labels?.[0]?.contains(hit);
    return where(under ? `under ${hit.outerHTML.slice(0, 60)}: ${name}` : null);
  });

const missing = (page) => page.evaluate(() => [...window.toReach].filter((one) => one.isConnected && !window.reached.has(one)).map((one) => one.outerHTML.slice(0, 100)));

for (const [width, theme] of [[1280, "light"], [390, "dark"]]) {
  story(`Tab leads to every control of every page, and each is seen to have the focus, at ${width}, ${theme}`, server, { width, theme, height: 720 }, async ({ page, server }) => {
    const found = [];
    for (const [name, address] of Object.entries(await uglyPages(server))) {
      await open(page, address);
      await page.locator("[data-help]:not([hidden])").waitFor({ state: "attached" });
      const count = await controls(page);
      assert.ok(count > 3, name);
      // Around once, and what lies before where a page begins.
      let at = await focused(page);
      for (let tab = 0; tab < 2 * count + 20 && !at.done; tab += 1) {
        await page.keyboard.press(at.inEditor ? "Escape" : "Tab");
        at = await focused(page);
        if (at.wrong) found.push(`${name}: ${at.wrong}`);
      }
      found.push(...(await missing(page)).slice(0, 5).map((what) => `${name}: Tab does not lead to ${what}`));
    }
    assert.deepEqual(found, []);
  });
}

everywhere("what folds, is ticked, chosen from and sent is so by the keyboard alone", server, async ({ page, server }) => {
  const { keyboard } = page;
  await page.goto("/");
  // A box is ticked, a list is chosen from, and what is chosen is changed.
  await page.getByLabel(/^Choose Batch 2$/).focus();
  await keyboard.press("Space");
  await page.getByText("1 chosen:").waitFor();
  await page.getByLabel("Setting", { exact: true }).focus();
  await keyboard.press("ArrowDown");
  assert.equal(await page.getByLabel("Setting", { exact: true }).inputValue(), "timezone");
  await page.getByRole("button", { name: "Change…" }).focus();
  await keyboard.press("Enter");
  await page.getByRole("heading", { name: /^Change the .* of/ }).waitFor();
  // A menu unfolds, and what is in it is pressed.
  await page.goto(`/monitor/${server.ids["Batch 2"]}`);
  await page.locator("details.menu > summary").focus();
  await keyboard.press("Enter");
  await keyboard.press("Tab");
  await page.locator("button[name=for][value='30min']:focus").waitFor();
  await keyboard.press("Enter");
  await page.locator(".notice.muted").waitFor();
  await page.goto("/mutes");
  await page.getByRole("button", { name: "End now" }).focus();
  await keyboard.press("Enter");
  await page.getByText("Nothing is muted.").waitFor();
  // A switch of an alert, and back.
  const states = async () => (await server.api("GET", "/alerts")).items.find((one) => one.key === "team").states;
  await page.goto("/alerts");
  await page.locator("[data-alert=team]").getByLabel(/OK$/).focus();
  await keyboard.press("Space");
  await until(states, ["ALARM", "ERROR"]);
  await page.locator("[data-alert=team]").getByText("Saved").waitFor();
  await page.locator("[data-alert=team]").getByLabel(/OK$/).and(page.locator(":focus")).waitFor();
  await keyboard.press("Space");
  await until(states, ["OK", "ALARM", "ERROR"]);
  // The chart is zoomed, and a run of it is opened from the list of runs.
  await page.goto(`/monitor/${server.ids.Revenue}?range=1h`);
  await page.locator(".chart canvas").waitFor();
  await page.getByRole("button", { name: "Zoom in", exact: true }).focus();
  await keyboard.press("Enter");
  await page.waitForURL(/from=\d+/);
  await page.locator("#runs .c-when a").first().focus();
  await keyboard.press("Enter");
  await page.getByRole("heading", { name: /^Run \d+$/ }).waitFor();
});
