// A push service, and a browser's subscription at it: the web-push-testing server, which checks who sends, and opens what is sent
// with the keys of the browser. Chromium itself subscribes only at Google's, which no test asks.
import { once } from "node:events";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

export async function pushService() {
  const { PushApiModel } = require("web-push-testing/src/PushApiModel.js");
  const Server = require("web-push-testing/src/server.js");
  const model = new PushApiModel();
  const server = new Server(model, 0);
  // It says where it listens.
  const { log } = console;
  console.log = () => {};
  server.startServer();
  await once(server._server, "listening");
  console.log = log;
  model.notifyUrl = `http://127.0.0.1:${server._server.address().port}/notify/`;
  return {
    model,
    // What one browser was told, oldest first.
    told: (hash) => (model.messages[hash] ?? []).map((message) => JSON.parse(message)),
    stop: () => (server._server.close(), server._server.closeAllConnections()),
  };
}

// Has the pages of `context` subscribe at `service`; answers the hashes of what was subscribed, by the scope of the worker.
export async function subscribeAt(context, service) {
  const hashes = {};
  await context.exposeBinding("subscribeAtService", async (_, scope, key) => {
    const made = await service.model.subscribe({ userVisibleOnly: "true", applicationServerKey: key });
    hashes[scope] = made.clientHash;
    return { endpoint: made.endpoint, keys: made.keys };
  });
  await context.addInitScript(() => {
    const url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    const scopes = new WeakMap();
    const pushManager = Object.getOwnPropertyDescriptor(ServiceWorkerRegistration.prototype, "pushManager");
    Object.defineProperty(ServiceWorkerRegistration.prototype, "pushManager", {
      get() {
        const manager = pushManager.get.call(this);
        scopes.set(manager, this.scope);
        return manager;
      },
    });
    // As a browser keeps it, for the pages that come.
    const name = (manager) => `subscription of ${scopes.get(manager)}`;
    const kept = (manager) => {
      const text = localStorage.getItem(name(manager));
      if (!text) return null;
      const { key, ...json } = JSON.parse(text);
      const options = { applicationServerKey: Uint8Array.from(key).buffer };
      const unsubscribe = async () => (localStorage.removeItem(name(manager)), true);
      return { ...json, options, toJSON: () => json, unsubscribe };
    };
    PushManager.prototype.getSubscription = async function () {
      return kept(this);
    };
    PushManager.prototype.subscribe = async function ({ userVisibleOnly, applicationServerKey }) {
      if (!userVisibleOnly) throw new Error("a message has to be shown");
      const made = await window.subscribeAtService(scopes.get(this), url(applicationServerKey));
      localStorage.setItem(name(this), JSON.stringify({ ...made, key: [...applicationServerKey] }));
      return kept(this);
    };
  });
  return hashes;
}

// Hands the service worker of this server a message, as the browser does that got it from its push service.
export async function deliver(page, server, message) {
  const devtools = await page.context().newCDPSession(page);
  const found = new Promise((resolve) => {
    devtools.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
      const one = registrations.find(({ scopeURL, isDeleted }) => !isDeleted && scopeURL.startsWith(`${server.base}/push/`));
      if (one) resolve(one.registrationId);
    });
  });
  await devtools.send("ServiceWorker.enable");
  const registrationId = await found;
  await devtools.send("ServiceWorker.deliverPushMessage", { origin: server.base, registrationId, data: JSON.stringify(message) });
  await devtools.detach();
}

// What the service worker shows at this moment.
export function shown(page) {
  return page.evaluate(async () => {
    const found = [];
    for (const registration of await navigator.serviceWorker.getRegistrations()) {
      for (const { title, body, tag, data, requireInteraction } of await registration.getNotifications()) {
        found.push({ title, body, tag, url: data.url, requireInteraction });
      }
    }
    return found;
  });
}

// Has the service worker of the page hear that its subscription was exchanged: for that one, or for whatever it asks for itself.
export async function exchanged(context, subscription) {
  const [worker] = context.serviceWorkers();
  await worker.evaluate(async (json) => {
    // The browser's own event waits for what it has the worker do; nobody else can make one.
    const event = new Event("pushsubscriptionchange");
    let work;
    event.waitUntil = (promise) => (work = promise);
    event.newSubscription = json && { toJSON: () => json };
    self.dispatchEvent(event);
    await work;
  }, subscription);
}
