// Once through with the keyboard alone.
import assert from "node:assert/strict";
import { everywhere, listens, serve, until } from "./harness.js";

const server = serve();
const focused = (page, selector) => page.locator(`${selector}:focus`).waitFor();

// Tab until something is reached, as a person does; not for ever.
async function tabTo(page, reached) {
  for (let tab = 0; tab < 40; tab += 1) {
    if (await page.evaluate(reached)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`40 tabs do not lead to ${reached}`);
}

everywhere("create, try, save, run, search, find and delete without a mouse", server, async ({ page, server }) => {
  const { keyboard } = page;
  await page.goto("/");
  await listens(page, "Nothing is watched yet");
  await keyboard.press("?");
  await page.getByRole("heading", { name: "Keyboard" }).waitFor();
  await keyboard.press("Escape");
  await until(() => page.locator("dialog[open]").count(), 0);
  await keyboard.press("c");
  await listens(page, "Create a monitor");
  await page.locator(".cm-content").waitFor();
  await focused(page, "#name");
  await keyboard.type("By hand");
  await keyboard.press("Tab");
  await focused(page, ".cm-content");
  await keyboard.type("return_value = 42");
  await keyboard.press("Control+Enter");
  await page.locator("#outcome").getByText("42").waitFor();
  await keyboard.press("Escape");
  await tabTo(page, () => document.activeElement.id === "schedule");
  await keyboard.press("Control+a");
  await keyboard.type("@hourly");
  await keyboard.press("Control+s");
  await listens(page, "By hand");
  await tabTo(page, () => document.activeElement.textContent === "Run now");
  await keyboard.press("Enter");
  await until(async () => (await page.getByText("by hand", { exact: true }).count()) > 1, true, "it ran when it was made, and now");
  await listens(page, "By hand");
  await keyboard.type("gm");
  await listens(page, "Monitors");
  await keyboard.press("/");
  await keyboard.type("by ha");
  await until(() => page.locator(".monitors .name").allTextContents(), ["By hand"]);
  await keyboard.press("Escape");
  await keyboard.press("Escape");
  await tabTo(page, () => document.activeElement.classList.contains("name"));
  await keyboard.press("Enter");
  await listens(page, "By hand");
  await tabTo(page, () => document.activeElement.textContent === "Delete");
  await keyboard.press("Enter");
  await focused(page, "#typed");
  await keyboard.type("By hand\n");
  await page.getByRole("heading", { name: "Nothing is watched yet" }).waitFor();
  assert.deepEqual(await server.names(), []);
});

everywhere("the list is gone through, chosen from and opened with letters, and what is shown is edited", server, async ({ page, server }) => {
  const { keyboard } = page;
  const ids = [];
  for (const name of ["a first", "b second", "c third"]) ids.push(await server.monitor({ name, runs: 0 }));
  await page.goto("/");
  await listens(page, "Monitors");
  const at = () => page.evaluate(() => document.activeElement.textContent);
  for (const [key, name] of [["j", "a first"], ["j", "b second"], ["j", "c third"], ["j", "c third"], ["k", "b second"]]) {
    await keyboard.press(key);
    assert.equal(await at(), name, key);
  }
  await keyboard.press("x");
  assert.equal(await page.getByRole("checkbox", { name: "Choose b second" }).isChecked(), true);
  assert.equal(await page.getByRole("checkbox", { name: "Choose a first" }).isChecked(), false);
  await keyboard.press("x");
  assert.equal(await page.getByRole("checkbox", { name: "Choose b second" }).isChecked(), false);
  await page.getByRole("link", { name: "b second" }).focus();
  await keyboard.press("Enter");
  await listens(page, "b second");
  await keyboard.press("e");
  await page.waitForURL(`**/monitor/${ids[1]}/edit`);
  for (const id of ids) await server.api("DELETE", `/monitors/${id}`);
});
