// Log-in by a provider, as a person does it: away to its pages and back, by Google's form and by any provider's.
import assert from "node:assert/strict";
import { everywhere, person, serve, story, until } from "./harness.js";
import { look } from "./look.js";
import { client, provide, signIn } from "./provider.js";

let server;
const provider = await provide(() => server.base);
const ways = () => `
GOOGLE_APPS_DOMAIN = 'corp.example'
GOOGLE_CLIENT_ID = OIDC_CLIENT_ID = '${client.id}'
GOOGLE_CLIENT_SECRET = OIDC_CLIENT_SECRET = '${client.secret}'
GOOGLE_ISSUER = OIDC_ISSUER = '${provider.issuer}'
OIDC_NAME = 'Example'
OIDC_ROLES = {'ops': 'administrator', 'staff': 'viewer'}
SECRET_KEY = 'a-key-of-the-browser-tests'
`;
server = await serve({ more: ways });
await provider.open("first");

// Pages of others are not ours to judge.
const elsewhere = (who) => {
  who.expects(`(another host|answer|lost).*${provider.issuer}`, "googleapis", "console:.*(googleapis|favicon)");
  return who.context.route(/googleapis/, (route) => route.abort());
};
const comeIn = async (page, name) => {
  await page.getByRole("link", { name: "Log in with Example" }).click();
  await signIn(page, name);
};

everywhere("away to the provider, back to where one wanted, and out of both", server, async (who) => {
  const { page } = who;
  await elsewhere(who);
  await page.goto("/alerts");
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  assert.deepEqual(await look(page, "log_in_ways"), []);
  await comeIn(page, "alice");
  await page.getByRole("heading", { name: "Alerts" }).waitFor();
  assert.equal(new URL(page.url()).pathname, "/alerts");
  await page.goto("/account");
  await page.getByRole("heading", { name: "alice" }).waitFor();
  await page.getByText("administrator").first().waitFor();
  assert.deepEqual(await look(page, "account_of_a_provider"), []);
  await page.getByRole("button", { name: "Log out", exact: true }).click();
  await page.getByText("You are logged out here.").waitFor();
  assert.deepEqual(await look(page, "logged_out"), []);
  await page.getByRole("link", { name: "log out there, too" }).click();
  await page.getByRole("button", { name: /sign me out/ }).click();
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  assert.equal(new URL(page.url()).pathname, "/login");
  // There, too: it asks who they are.
  await page.getByRole("link", { name: "Log in with Example" }).click();
  await page.getByPlaceholder("Enter any login").waitFor();
});

story("an account of another domain is told so, and one of the domain comes in", server, {}, async (who) => {
  const { page } = who;
  await elsewhere(who);
  who.expects("answer: 422", "console:.*422");
  await page.goto("/");
  await page.getByRole("link", { name: "Log in with Google" }).click();
  await signIn(page, "mallory");
  await page.getByText("It takes an account of corp.example to come in here").waitFor();
  assert.deepEqual(await look(page, "other_domain"), []);
  await page.goto("/");
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  await who.context.clearCookies();
  await page.getByRole("link", { name: "Log in with Google" }).click();
  await signIn(page, "bob");
  await page.getByRole("heading", { name: /watched|Monitors/ }).waitFor();
});

story("in and out with the keyboard alone", server, {}, async (who) => {
  const { page } = who;
  const { keyboard } = page;
  await elsewhere(who);
  const tabTo = async (name) => {
    const reached = (name) => ["A", "BUTTON"].includes(document.activeElement.tagName) && document.activeElement.textContent.includes(name);
    for (let tab = 0; !(await page.evaluate(reached, name)); tab += 1) {
      assert.ok(tab < 40, `40 tabs do not lead to ${name}`);
      await keyboard.press("Tab");
    }
  };
  await page.goto("/alerts");
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  await tabTo("Log in with Example");
  await keyboard.press("Enter");
  await signIn(page, "alice");
  await page.getByRole("heading", { name: "Alerts" }).waitFor();
  await page.goto("/account");
  await tabTo("Log out");
  await keyboard.press("Enter");
  await page.getByText("You are logged out here.").waitFor();
  await tabTo("log out there, too");
  await keyboard.press("Enter");
  await page.getByRole("button", { name: /sign me out/ }).waitFor();
});

story("who is in no group is told so", server, {}, async (who) => {
  await elsewhere(who);
  who.expects("answer: 422", "console:.*422");
  await who.page.goto("/");
  await comeIn(who.page, "mallory");
  await who.page.getByText("Example knows you, but you have no role here").waitFor();
});

story("whose session ends goes back to where they were, also after the keys were changed", server, {}, async (who) => {
  const { page } = who;
  await elsewhere(who);
  await page.goto("/sources");
  await comeIn(page, "alice");
  await page.getByRole("heading", { name: "Sources" }).waitFor();
  const phone = await person(server, { width: 390 });
  await elsewhere(phone);
  await phone.page.goto("/account");
  await comeIn(phone.page, "alice");
  await until(() => phone.page.locator("tbody tr").count().then((count) => count >= 2), true);
  await phone.page.getByRole("button", { name: "Log out everywhere" }).click();
  await phone.page.getByRole("heading", { name: "Log in" }).waitFor();
  await phone.leave();
  await provider.open("second");
  who.expects("answer: 401", "console:.*401");
  await page.reload();
  await page.getByRole("link", { name: "Log in with Example" }).click();
  // The provider still knows who they are, or asks again: either leads back.
  await page.getByRole("heading", { name: "Sources" }).or(page.getByPlaceholder("Enter any login")).waitFor();
  if (await page.getByPlaceholder("Enter any login").isVisible()) await signIn(page, "alice");
  await page.getByRole("heading", { name: "Sources" }).waitFor();
});
