// Forms that answer in place: switches of alerts, tests, and buttons that are pressed once.
import { fragment, morph } from "./morph.js";

export function forms() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches("[data-switch], [data-test]")) {
      event.preventDefault();
      if (form.matches("[data-switch]")) save(form.closest("[data-alert]"));
      else test(form.closest("[data-alert]"));
      return;
    }
    if (form.matches("[data-author]")) {
      if (!form.dataset.reached) {
        event.preventDefault();
        if (!form.dataset.sent) reach(form, event.submitter);
        return;
      }
      delete form.dataset.reached;
    }
    // A second click does nothing while the first is under way.
    if (form.method === "post" && !event.defaultPrevented) {
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = "1";
      setTimeout(() => delete form.dataset.sent, 8000);
      event.submitter?.setAttribute("aria-busy", "true");
    }
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
  });
  for (const button of document.querySelectorAll("[data-switch] [data-quiet-submit]")) button.hidden = true;
  // Not at the form: what a test answers moves what follows it, and may put another form in its place.
  document.addEventListener("change", (event) => {
    const { form } = event.target;
    if (form?.matches("[data-switch]")) save(form.closest("[data-alert]"));
  });
  // What was ticked before this listened.
  const changed = (one) => one.checked !== one.defaultChecked || (one.name === "tags" && one !== document.activeElement && one.value !== one.defaultValue);
  for (const form of document.querySelectorAll("[data-switch]")) {
    if ([...form.elements].some(changed)) save(form.closest("[data-alert]"));
  }
}

// Looks whether anybody is there before a script is sent off: the browser's own page for a server that is away would
// take the place of what was typed.
async function reach(form, submitter) {
  form.dataset.sent = "1";
  submitter?.setAttribute("aria-busy", "true");
  const there = await fetch("/healthz", { cache: "no-store" }).then(
    () => true,
    () => false,
  );
  delete form.dataset.sent;
  submitter?.removeAttribute("aria-busy");
  document.querySelector("[data-away]")?.remove();
  if (there) {
    form.dataset.reached = "1";
    form.requestSubmit(submitter);
    return;
  }
  const away = Object.assign(document.createElement("p"), { className: "notice bad", role: "alert" });
  away.dataset.away = "";
  away.textContent = "The server does not answer. Nothing is lost: what you typed stays here and in this browser. Save again when it is back.";
  form.before(away);
  away.scrollIntoView({ block: "nearest" });
}

// The rows of alerts of which something is being saved, and whether something else was ticked since.
const saving = new Map();

// Saves what is ticked in a row. What is ticked while the answer is under way is saved after it, since only that says what
// stands there now; nothing of it is lost.
async function save(row) {
  if (saving.has(row)) {
    saving.set(row, true);
    return;
  }
  do {
    saving.set(row, false);
  } while ((await inPlace(row.querySelector("[data-switch]"))) && saving.get(row));
  saving.delete(row);
}

// The rows of alerts by which a test is being sent.
const testing = new Set();

// Sends a test; another one only when the first has been answered.
async function test(row) {
  if (testing.has(row)) return;
  testing.add(row);
  await inPlace(row.querySelector("[data-test]"));
  testing.delete(row);
}

// How many saves of a row have been answered.
const saved = new WeakMap();

// Sends a form and takes the row it belongs to out of the page that answers; whether there was one.
async function inPlace(form) {
  const isTest = form.matches("[data-test]");
  const row = form.closest("[data-alert]");
  const before = saved.get(row) ?? 0;
  const said = row.querySelector("[data-said]");
  const button = form.querySelector("button:not([hidden])");
  const body = new URLSearchParams(new FormData(form));
  if (button) button.disabled = true;
  const answer = await fetch(form.action, { method: "POST", body, headers: { accept: "text/html" } }).catch(() => null);
  const html = await answer?.text().catch(() => null);
  if (button) button.disabled = false;
  // What cannot be saved comes back with what is wrong with it.
  if (typeof html !== "string" || (!answer.ok && answer.status !== 422)) {
    said.textContent = typeof html === "string" ? `Not done: the server says ${answer.status}.` : "Not done: the server does not answer.";
    if (!isTest) form.reset();
    return false;
  }
  const page = new DOMParser().parseFromString(html, "text/html");
  const next = [...page.querySelectorAll("[data-alert]")].find((one) => one.dataset.alert === row.dataset.alert);
  if (!next) return false;
  // What was saved meanwhile stands in the row: of this answer only what came of the test is newer.
  if (isTest && saved.get(row) > before) {
    morph(row.querySelector("[data-trouble]"), next.querySelector("[data-trouble]"));
    return true;
  }
  const boxes = () => [...row.querySelectorAll("input[type=checkbox]")];
  // What is still to be saved stays as it is ticked: what this one knows is older.
  const isOlder = saving.get(row) || (saving.has(row) && isTest);
  const ticked = new Map(isOlder ? boxes().map((box) => [`${box.name} ${box.value}`, box.checked]) : []);
  // It may stand at another place there; its boxes name their form.
  const theirs = next.id;
  next.id = row.id;
  for (const name of ["id", "form"]) {
    for (const one of next.querySelectorAll(`[${name}="${theirs}-form"]`)) one.setAttribute(name, `${row.id}-form`);
  }
  morph(row, document.adoptNode(next));
  for (const quiet of row.querySelectorAll("[data-quiet-submit]")) quiet.hidden = true;
  for (const box of boxes()) box.checked = ticked.get(`${box.name} ${box.value}`) ?? box.defaultChecked;
  if (isTest) return true;
  saved.set(row, before + 1);
  row.querySelector("[data-said]").textContent = answer.ok ? "Saved" : "Not saved";
  // The page that answers knows nothing of a test that is still on its way.
  if (testing.has(row)) for (const one of row.querySelectorAll("[data-test] button")) one.disabled = true;
  return true;
}

// A save that led to another page has arrived: its draft is no longer needed.
export function settle() {
  const key = sessionStorage.getItem("revere-saving");
  if (!key) return;
  sessionStorage.removeItem("revere-saving");
  if (!document.querySelector("[data-author]")) localStorage.removeItem(key);
}
