// What a browser runs when the server has something to tell, whether or not a page is open: shows it, and opens it on a click. Where
// the browser exchanges its subscription, it has the server tell the new one.
import { bytes, fits } from "./push_keys.js";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("push", (event) => event.waitUntil(show(event.data)));
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event.newSubscription)));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.url ?? "/"));
});

function read(data) {
  try {
    return data.json();
  } catch {
    // A browser shows something of its own where nothing is shown for a message.
    return { title: "Revere", text: "There is something to look at.", url: "/", at: 0, tag: "revere", key: "" };
  }
}

async function show(data) {
  let told = read(data);
  const [standing] = await self.registration.getNotifications({ tag: told.tag });
  // What comes late or once more takes no attention from what stands there already.
  const known = standing?.data?.key === told.key || (standing?.data?.at ?? 0) > told.at;
  if (known) told = standing.data;
  await self.registration.showNotification(told.title, {
    body: told.text,
    tag: told.tag,
    data: told,
    timestamp: told.at || Date.now(),
    renotify: !known,
    silent: known,
    requireInteraction: Boolean(told.urgent),
  });
}

async function open(url) {
  const address = new URL(url, self.location.origin).href;
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = pages.find((page) => page.url === address);
  await (there ? there.focus() : self.clients.openWindow(address));
}

// The server is told where the browser is now, as the page told it first; `made` is missing where the browser leaves it to us to ask its
// push service.
async function renew(made) {
  const alert = new URLSearchParams(self.location.search).get("alert");
  const place = `/api/v1/alerts/${encodeURIComponent(alert)}/browsers`;
  const { pushManager } = self.registration;
  try {
    const key = (await answered(fetch(place))).public_key;
    if (made && !fits(made, key)) {
      await made.unsubscribe();
      made = null;
    }
    made ??= await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) });
    const { endpoint, keys } = made.toJSON();
    const body = JSON.stringify({ endpoint, p256dh: keys.p256dh, auth: keys.auth });
    await answered(fetch(place, { method: "POST", headers: { "Content-Type": "application/json" }, body }));
  } catch {
    // Somebody has to know: nothing arrives here any more, and no page says so.
    await self.registration.showNotification("This browser is not notified any more", {
      body: "It could not renew its subscription. Open the page of the alerts and press Notify this browser.",
      tag: "revere-subscription",
      data: { url: "/alerts#browsers", at: Date.now(), tag: "revere-subscription", key: "" },
      requireInteraction: true,
    });
  }
}

async function answered(asked) {
  const answer = await asked;
  if (!answer.ok) throw new Error(`answered with ${answer.status}`);
  return answer.json();
}
