// Clients that do not read, or read a byte a second, are nobody's trouble but their own: ticks go on in time, and others
// are answered.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { once } from "node:events";
import { serve, story, until } from "./harness.js";

const READERS = 40;
const server = serve().then(async (server) => {
  // Enough on its page and in its history to fill what lies between a server and a client that does not read.
  const script = "print('o' * 60000)\nreturn_value = 'v' * 8000\nraise MonitorFailure('m' * 8000)";
  const id = await server.monitor({ name: "Talks a lot", script, runs: 30 });
  const ticking = await server.monitor({ name: "Ticks", script: "return_value = 1", schedule: "* * * * * *", runs: 0 });
  return Object.assign(server, { id, ticking });
});

// Sends a request, and reads as `reads` says.
async function client(server, address, reads) {
  const socket = connect({ port: server.port, host: "127.0.0.1", highWaterMark: 1 });
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.pause();
  socket.write(`GET ${address} HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\naccept: text/html\r\n\r\n`);
  const timer = reads && setInterval(() => socket.read(1), 1000);
  return { close: () => (clearInterval(timer), socket.destroy()) };
}

story("forty streams that are never read and as many slow readers of pages hold up neither ticks nor people", server, {}, async ({ page, server }) => {
  const ticks = async () => (await server.api("GET", `/monitors/${server.ticking}/runs?limit=5`)).items;
  const slow = [];
  for (let number = 0; number < READERS; number += 1) {
    slow.push(await client(server, `/events?monitor=${server.id}`, false));
    slow.push(await client(server, number % 2 ? `/monitor/${server.id}/history` : `/monitor/${server.id}/history.csv`, true));
  }
  try {
    const listening = async () => Number(/^revere_events_listeners (\d+)/m.exec(await (await fetch(`${server.base}/metrics`)).text())?.[1]);
    await until(async () => (await listening()) >= READERS, true, "they are all there");
    const lateness = async () => {
      const first = (await ticks())[0]?.id ?? 0;
      const since = async () => (await server.api("GET", `/monitors/${server.ticking}/runs?limit=50`)).items.filter((run) => run.id > first);
      // News for every stream, again and again, while ten ticks come.
      await until(async () => {
        await server.api("POST", `/monitors/${server.id}/run`, {});
        return (await since()).length >= 10;
      }, true);
      const recent = await since();
      const late = recent.map((run) => Date.parse(run.started_at) - Date.parse(run.tick_at));
      const apart = recent.slice(1).map((run, index) => Date.parse(recent[index].tick_at) - Date.parse(run.tick_at));
      return { late, apart, good: Math.max(...late) < 1000 && apart.every((span) => span === 1000) };
    };
    // A machine that does something else for a second is late once; whom slow clients hold up is late every time.
    const measured = [await lateness()];
    while (!measured.at(-1).good && measured.length < 4) measured.push(await lateness());
    assert.ok(measured.at(-1).good, `ticks began late, or were passed over: ${JSON.stringify(measured)}`);
    await page.goto(`/monitor/${server.ticking}`);
    const seen = await page.locator("#runs tbody tr[id]").first().getAttribute("id");
    await until(async () => (await page.locator("#runs tbody tr[id]").first().getAttribute("id")) !== seen, true, "a person's page is alive");
  } finally {
    for (const one of slow) one.close();
  }
});
