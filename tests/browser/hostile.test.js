// Text of others, wherever a page shows it: it stays text and stays in its place.
import assert from "node:assert/strict";
import { fits, python, serve, story, until } from "./harness.js";

const nasty = `"><script>hacked()</script><img src=x onerror=hacked()>' onload='x <!-- \u202egnp.exe \u2066 🧨👩‍👩‍👧‍👦 `;
const word = nasty + "w".repeat(8000);
// What the configuration names, as long as it may be, and with what means something in an address.
const named = `${nasty.slice(0, 60)}/..?a=b&c#d%41${"n".repeat(60)}`;
const script = `import json
word = json.loads(${python(python(word))})
print(word)
return_value = word
try:
    sources['shop'].get_avg(word)
except SourceError:
    pass
name = json.loads(${python(python(named))})
try:
    sources[name].get('/refused').raise_for_status()
except Exception as fault:
    print(fault)
raise MonitorFailure(word)
`;
const more = (receiver) => `
import json
_name = json.loads(${python(python(named))})
_word = json.loads(${python(python(word))})
REVERE_SOURCES[_name] = {'type': 'http', 'description': _word, 'config': {'base_url': '${receiver}'}}
REVERE_ALERTS[_name] = {'type': 'webhook', 'description': _word, 'config': {'url': '${receiver}/refused'}}
`;
const server = serve({ reply: word, more }).then(async (server) => {
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
    await until(async () => new Set((await server.api("GET", "/deliveries")).items.map((one) => one.status)), new Set(["delivered", "failed"]));
    const pages = ["/", `/?q=${encodeURIComponent(nasty)}`, of, `${of}/edit`, `${of}/history`, `${of}/versions`, `${of}/versions/1`, `${of}/difference`, `${of}/delete`, `/create?from=${server.id}`, "/alerts", `/alert/${encodeURIComponent(named)}/edit`, `/alerts?alert=${encodeURIComponent(named)}`, "/sources"];
    for (const address of pages) {
      await page.goto(address);
      await inert(page);
      for (const one of await page.locator("details > summary:visible").all()) await one.click();
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

for (const width of [1280, 390]) {
  story(`names of sources and alerts lead where they belong, and what receivers reply is text, at ${width}`, server, { width }, async ({ page, server }) => {
    await page.goto("/sources");
    // That it is up may stand there before.
    await Promise.all([page.waitForEvent("framenavigated"), page.getByRole("button", { name: "Check all" }).click()]);
    const source = page.locator(".rows > li", { has: page.locator("code", { hasText: "a=b&c#d%41" }) });
    await source.getByText(/● up|✕ down/).waitFor();
    await source.getByText("Methods, and try a query").click();
    // The editor, and not what it is about to take the place of.
    await source.locator(".cm-content").fill("print(repr(list(sources)))");
    await source.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByText("hacked()", { exact: false }).first().waitFor();
    await inert(page);

    await page.goto("/alerts");
    const alert = page.locator("[data-alert]", { has: page.locator("b", { hasText: "a=b&c#d%41" }) });
    assert.match(await alert.innerText(), /✕ failed .*400 Bad Request: "><script>hacked/, "the receiver's reply");
    await alert.getByRole("button", { name: "Send a test" }).click();
    await alert.getByText("The test was not taken.").waitFor();
    await inert(page);
    await alert.getByLabel(/ERROR$/).setChecked(width === 390);
    await alert.getByText("Saved").waitFor();
    const told = (await server.api("GET", "/alerts")).items.find((one) => one.key === named);
    assert.equal(told.states.includes("ERROR"), width === 390);
    await page.goto(`/monitor/${server.id}`);
    await page.getByRole("link", { name: "a=b&c#d%41" }).click();
    await page.getByRole("heading", { name: "a=b&c#d%41" }).waitFor();
    await inert(page);
  });
}
