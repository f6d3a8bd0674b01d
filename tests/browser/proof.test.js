// What gives power takes a proof of the last ten minutes: whoever came in long ago shows once more who they are. A file and
// a server of its own: an address tries twenty times a minute.
import assert from "node:assert/strict";
import { everywhere, serve } from "./harness.js";
import { look } from "./look.js";

const PASSWORD = "correct horse battery";
const server = serve({ more: () => "LOCAL_USERS = True\n" }).then((server) => {
  server.add("dora", "administrator", PASSWORD);
  return server;
});

let number = 0;
everywhere("whoever came in long ago shows once more who they are, and goes on where they were", server, async ({ page, expects, server }) => {
  expects("answer: 422", "console:.*422");
  await page.goto("/people");
  await page.getByLabel("Name").fill("dora");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  const add = page.getByRole("button", { name: "Add", exact: true });
  await add.waitFor();
  const erin = `erin ${(number += 1)}`;
  await page.getByLabel("Name").fill(erin);
  server.proofsEnd();
  // What was filled in before it was over is not done.
  await add.click();
  await page.getByRole("heading", { name: "Is it you?" }).waitFor();
  assert.deepEqual(await look(page, "proof"), []);
  assert.equal(await page.getByText(erin, { exact: true }).count(), 0);
  await page.getByLabel("Password").fill("not her password");
  await page.getByRole("button", { name: "Confirm" }).click();
  await page.locator("#password[aria-invalid]").waitFor();
  assert.equal(await page.locator("#password-fault").innerText(), "that is not your password");
  assert.deepEqual(await look(page, "proof-refused"), []);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Confirm" }).click();
  await add.waitFor();
  assert.equal(new URL(page.url()).pathname, "/people");
  await page.getByLabel("Name").fill(erin);
  await add.click();
  await page.locator("code.once").waitFor();
});
