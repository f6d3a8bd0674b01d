// What a browser runs when the server has something to tell, whether or not a page is open: shows it, and opens it on a click.

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("push", (event) => event.waitUntil(show(event.data)));
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
