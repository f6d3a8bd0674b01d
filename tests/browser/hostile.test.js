// Text of others, wherever a page shows it: it stays text and stays in its place.
import assert from "node:assert/strict";
import { fits, serve, story, until } from "./harness.js";

const nasty = `"><script>hacked()</script><img src=x onerror=hacked()>' onload='x <!-- \u202egnp.exe \u2066 🧨👩‍👩‍👧‍👦 `;
const word = nasty + "w".repeat(8000);
const python = (text) => JSON.stringify(text).replace(/[\u007f-\uffff]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
const script = `import json
word = json.loads(${python(python(word))})
print(word)
return_value = word
try:
    sources['shop'].get_avg(word)
except SourceError:
    pass
raise MonitorFailure(word)
`;
const server = serve({ reply: word }).then(async (server) => {
  const spec = { name: nasty + "n".repeat(80), description: word, tags: [nasty.slice(0, 40), "t".repeat(50)], script };
  return Object.assign(server, { id: await server.monitor({ ...spec, runs: 2 }) });
});

const inert = async (page) => {
  assert.equal(await page.locator("img:not(.cm-widgetBuffer), script:not([src])").count(), 0, "markup of others became markup");
  await fits(page);
};

for (const width of [1280, 390]) {
  story(`no page runs it, and no page grows wider, at ${width}`, server, { width }, async ({ page, server, expects }) => {
    await page.addInitScript(() => (window.hacked = () => console.error("hacked")));
    page.on("dialog", (dialog) => assert.fail(dialog.message()));
    const of = `/monitor/${server.id}`;
    await until(async () => (await server.api("GET", "/deliveries")).items.map((one) => one.status), ["sent", "sent", "failed"]);
    const pages = ["/", `/?q=${encodeURIComponent(nasty)}`, of, `${of}/edit`, `${of}/history`, `${of}/delete`, `/create?from=${server.id}`, "/alerts", "/alert/team/edit", "/sources"];
    for (const address of pages) {
      await page.goto(address);
      await inert(page);
      for (const one of await page.locator("details > summary").all()) await one.click();
      await inert(page);
    }
    expects("404");
    await page.goto(`/monitor/${encodeURIComponent(word.slice(0, 3000))}`);
    await inert(page);
  });

  story(`a try-out, a refused save and a test show it as it is, at ${width}`, server, { width }, async ({ page, server, expects }) => {
    await page.goto(`/monitor/${server.id}/edit`);
    await page.getByRole("button", { name: /^Run once/ }).click();
    await page.locator("#outcome").getByText("Output", { exact: true }).waitFor();
    assert.ok((await page.locator("#outcome").innerText()).includes("<script>hacked()</script>"));
    await inert(page);
    expects("422");
    await page.getByLabel("Schedule", { exact: true }).fill(word.slice(0, 900));
    await page.getByRole("button", { name: /^Save/ }).click();
    await page.locator("#schedule-fault").waitFor();
    await inert(page);
    await page.goto("/alerts");
    await page.getByRole("button", { name: "Send a test" }).last().click();
    await page.getByText("The test was").waitFor();
    await inert(page);
  });
}
