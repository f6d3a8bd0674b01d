// Has this browser notified by an alert: asks for the permission, subscribes at the browser's push service, and sends what the
// server needs to reach it.
import { bytes, fits } from "./push_keys.js";

export function push() {
  for (const section of document.querySelectorAll("[data-push]")) offer(section);
}

// What stands in the way, for a person to mend; nothing where nothing does.
function obstacle() {
  if (!isSecureContext) return "This browser can be notified only where it comes by https: open this page by an https:// address.";
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) {
    return "This browser takes no notifications from web pages. On an iPhone or iPad, add this page to the home screen and open it there.";
  }
  if (Notification.permission === "denied") {
    return "This browser blocks notifications from this site: allow them in its settings of this site, then reload this page.";
  }
  return "";
}

async function offer(section) {
  const form = section.querySelector("[data-push-form]");
  const said = section.querySelector("[data-push-said]");
  if (!form) return;
  const why = obstacle();
  said.textContent = why;
  if (why) return;
  const button = form.querySelector("[data-push-ask]");
  form.addEventListener("submit", async (event) => {
    if (form.elements.endpoint.value) return;
    event.preventDefault();
    button.disabled = true;
    said.textContent = "";
    try {
      if (await ask(section, form)) return send(form);
      said.textContent = obstacle() || "The browser was not allowed to notify. Press the button again to be asked once more.";
    } catch (error) {
      said.textContent = `This browser could not be subscribed: ${error.message}`;
    }
    button.disabled = false;
    button.removeAttribute("aria-busy");
    button.hidden = Boolean(obstacle());
  });
  const mine = await row(section);
  if (mine) return known(mine, section);
  button.hidden = false;
}

async function ask(section, form) {
  if ((await Notification.requestPermission()) !== "granted") return false;
  const registration = await navigator.serviceWorker.register(worker(section), { scope: section.dataset.scope });
  await active(registration);
  // One that was made for another key of the server is of no use any more.
  const before = await registration.pushManager.getSubscription();
  if (before && !fits(before, section.dataset.key)) await before.unsubscribe();
  const key = bytes(section.dataset.key);
  const { endpoint, keys } = (await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })).toJSON();
  Object.assign(form.elements.endpoint, { value: endpoint });
  Object.assign(form.elements.p256dh, { value: keys.p256dh });
  Object.assign(form.elements.auth, { value: keys.auth });
  return true;
}

// The worker of an alert knows which one it is, to ask for it anew.
function worker(section) {
  return `/push.js?${new URLSearchParams({ alert: section.dataset.alert })}`;
}

// Until the worker can be told something.
async function active(registration) {
  const worker = registration.installing ?? registration.waiting;
  if (registration.active || !worker) return;
  await new Promise((done, failed) => {
    worker.addEventListener("statechange", () => {
      if (worker.state === "activated") done();
      if (worker.state === "redundant") failed(new Error("its service worker could not be installed"));
    });
  });
}

// The row of this browser, and its subscription.
async function row(section) {
  const registration = await navigator.serviceWorker.getRegistration(section.dataset.scope);
  // One of a wider scope answers, too.
  if (!registration || new URL(registration.scope).pathname !== section.dataset.scope) return null;
  const subscription = await registration.pushManager.getSubscription();
  if (!subscription || !fits(subscription, section.dataset.key)) return null;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(subscription.endpoint));
  const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const found = section.querySelector(`[data-browser="${hex}"]`);
  return found && { found, subscription };
}

function known({ found, subscription }, section) {
  found.querySelector("[data-this]").hidden = false;
  section.querySelector("[data-push-said]").textContent = "";
  const remove = found.querySelector("[data-push-remove]");
  remove?.addEventListener("submit", async (event) => {
    if (remove.dataset.left) return;
    event.preventDefault();
    remove.dataset.left = "1";
    await subscription.unsubscribe().catch(() => false);
    send(remove);
  });
}

// Where nothing had to be waited for, the form is still being sent that was held back: it is sent after that.
function send(form) {
  setTimeout(() => form.requestSubmit());
}
