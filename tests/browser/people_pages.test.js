// The pages of people: log in, account, people, tokens, sessions, links; on every screen, and once with the keyboard alone.
import assert from "node:assert/strict";
import { SCREENS, everywhere, person, serve, story, until } from "./harness.js";
import { look, themeOf } from "./look.js";

const PASSWORD = "correct horse battery";
const server = serve({ more: () => "LOCAL_USERS = True\n" }).then((server) => {
  for (const [width] of SCREENS) server.add(`ada at ${width}`, "administrator", PASSWORD);
  server.add("bob", "editor", PASSWORD);
  return server;
});

async function comeIn(page, name) {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
}

let number = 0;
everywhere("log in, refused and let in; account, people, a link, tokens, out again", server, async ({ page, expects, server }) => {
  expects("answer: 422", "console:.*422");
  const { width } = page.viewportSize();
  const theme = await themeOf(page);
  const ada = `ada at ${width}`;
  const found = [];
  // Nothing of a table is cut away, on a phone neither.
  const see = async (name) => {
    found.push(...(await look(page, name)));
    const cut = await page.locator(".scroll").evaluateAll((all) => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent));
    assert.deepEqual(cut, [], name);
  };
  await page.goto("/account");
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  assert.equal(await page.getByLabel("Password").getAttribute("type"), "password");
  await see("log-in");
  await page.getByLabel("Name").fill(ada);
  await page.getByLabel("Password").fill("not her password");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("alert").getByText("Name, password or code is wrong.").waitFor();
  await see("log-in-refused");
  await comeIn(page, ada);
  await page.getByRole("heading", { name: ada }).waitFor();
  await until(() => page.getByText("this one").count(), 1);
  await see("account");
  await page.getByLabel("New password").fill("a password that is long");
  await page.getByLabel("Repeat the password").fill("and another one instead");
  await page.getByRole("button", { name: "Change the password" }).click();
  await page.getByText("the two are not the same").waitFor();
  await see("account-refused");
  await page.getByRole("button", { name: "Set one up" }).click();
  await page.getByRole("img", { name: "The key as a picture" }).waitFor();
  await see("account-second-factor");
  await page.getByRole("link", { name: "People", exact: true }).click();
  await page.getByRole("heading", { name: "People", exact: true }).waitFor();
  await see("people");
  await page.getByLabel("Name").fill(`carol ${(number += 1)}`);
  await page.getByLabel("Role").selectOption("editor");
  await page.getByLabel("For an editor").fill("shop, mail");
  await page.getByRole("button", { name: "Add" }).click();
  const link = page.locator("code.once");
  await link.waitFor();
  await see("person-link");
  const hers = await person(server, { width, theme });
  await hers.page.goto(await link.textContent());
  await hers.page.getByRole("heading", { name: "Choose a password" }).waitFor();
  found.push(...(await look(hers.page, "link")));
  await hers.page.getByLabel("Password", { exact: true }).fill("a quiet mountain lake");
  await hers.page.getByLabel("Repeat the password").fill("a quiet mountain lake");
  await hers.page.getByRole("button", { name: "Save and log in" }).click();
  await hers.page.getByRole("link", { name: /^Your account, carol/ }).waitFor();
  await page.goto("/account");
  await page.getByRole("link", { name: "API tokens" }).click();
  await page.getByLabel("Name").fill("Prometheus");
  await page.getByLabel("Rights").selectOption("metrics");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByRole("heading", { name: "Your new token" }).waitFor();
  await see("tokens");
  await page.getByRole("button", { name: "Delete Prometheus" }).click();
  await until(() => page.getByRole("button", { name: "Delete Prometheus" }).count(), 0);
  // Her other sessions, of other screens and of nobody any more, end with one click.
  await page.goto("/account");
  await page.getByRole("button", { name: "Log out everywhere" }).click();
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  await hers.page.goto("/people").catch(() => {});
  hers.expects("answer: 403", "console:.*403");
  await hers.leave().catch((error) => assert.match(error.message, /403/));
  assert.deepEqual(found, []);
});

story("log in, end a session, make a token and log out without a mouse", server, {}, async ({ page, context, server }) => {
  const { keyboard } = page;
  const tabTo = async (reached, argument) => {
    for (let tab = 0; tab < 60; tab += 1) {
      if (await page.evaluate(reached, argument)) return;
      await keyboard.press("Tab");
    }
    assert.fail(`60 tabs do not lead to ${argument}`);
  };
  const at = (words) => tabTo((words) => document.activeElement.textContent.trim() === words, words);
  const into = (id) => tabTo((id) => document.activeElement.id === id, id);
  const other = await context.browser().newContext({ baseURL: server.base });
  const elsewhere = await other.newPage();
  await elsewhere.goto("/login");
  await comeIn(elsewhere, "bob");
  await elsewhere.getByRole("link", { name: "Your account, bob" }).waitFor();

  await page.goto("/account");
  await page.locator("#name:focus").waitFor();
  await keyboard.type("bob");
  await into("password");
  await keyboard.type(`${PASSWORD}\n`);
  await page.getByRole("heading", { name: "bob" }).waitFor();
  await at("End this session");
  await keyboard.press("Enter");
  await until(() => page.getByText("End this session").count(), 0);
  await elsewhere.goto("/account");
  await elsewhere.getByRole("heading", { name: "Log in" }).waitFor();
  await other.close();
  await at("API tokens");
  await keyboard.press("Enter");
  await page.getByRole("heading", { name: "Create a token" }).waitFor();
  await into("name");
  await keyboard.type("by hand\n");
  await page.getByRole("heading", { name: "Your new token" }).waitFor();
  await at("Your account");
  await keyboard.press("Enter");
  await page.getByRole("heading", { name: "bob" }).waitFor();
  await at("Log out");
  await keyboard.press("Enter");
  await page.getByRole("heading", { name: "Log in" }).waitFor();
});
