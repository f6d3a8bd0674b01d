// One stream for the page: rows, counts, the tab's title and icon, as they change.
import { fragment, morph } from "./morph.js";
import { refresh } from "./times.js";
import * as slots from "./stream_slots.js";

// How often a tab that nobody looks at asks how many are failing.
const UNSEEN_MS = 10_000;
// How often one that is looked at and has no stream of its own asks how everything stands.
const BRIEF_MS = 6_000;
// How often it is seen whether it may have one by now.
const TURN_MS = 5_000;

let source;
let brief = false;
let turn;
let retry;
let asking;
let failures = 0;

export function live() {
  if (!("livePage" in document.body.dataset)) return;
  seen();
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (event) => event.persisted && seen());
  document.addEventListener("visibilitychange", seen);
  document.addEventListener("revere:shown", () => {
    // The list may be older than what the stream has said of its rows; one that begins anew says how they stand.
    open = null;
    if (!document.hidden) connect();
  });
}

// A browser keeps six connections to a server for all its tabs, and a stream takes one for good. So only a tab that is
// looked at has a stream; the others ask now and then, for their title and icon.
function seen() {
  clearInterval(asking);
  clearInterval(turn);
  if (!document.hidden) {
    turn = setInterval(takeTurn, TURN_MS);
    return connect();
  }
  leave();
  asking = setInterval(ask, UNSEEN_MS);
}

function leave() {
  source?.close();
  clearTimeout(retry);
  clearInterval(asking);
  clearInterval(turn);
  slots.giveUp();
}

function takeTurn() {
  slots.ask();
  if (brief !== slots.mine()) return;
  source?.close();
  connect();
}

// The last question, and the last one of which the answer is shown; what the stream says is as good as an answer to a new one.
let asked = 0;
let counted = 0;
async function ask() {
  const mine = ++asked;
  const answer = await fetch("/counts").catch(() => null);
  const counts = answer?.ok && (await answer.json().catch(() => null));
  // It is known by now how many there were later.
  if (!counts || mine < counted) return;
  counted = mine;
  count(counts);
}

// The monitors on the page; a new search shows others.
function address() {
  const one = location.pathname.match(/^\/monitor\/(\d+)$/);
  if (one) {
    const version = document.getElementById("edited")?.dataset.version;
    return `/events?monitor=${one[1]}${version ? `&version=${version}` : ""}`;
  }
  if (document.getElementById("log")) return "/events?deliveries=true";
  const rows = [...document.querySelectorAll(".monitors tbody tr")].map((row) => row.id.slice(1));
  return rows.length ? `/events?monitors=${rows.slice(0, 200).join(",")}` : "/events";
}

let open;
function connect() {
  clearTimeout(retry);
  const next = address();
  if (source && source.readyState !== EventSource.CLOSED && next === open) return;
  source?.close();
  open = next;
  slots.ask();
  brief = !slots.mine();
  source = new EventSource(next);
  source.onopen = () => {
    failures = 0;
    offline(false);
  };
  source.onmessage = (event) => {
    take(JSON.parse(event.data));
    if (!brief) return;
    // The first message says how everything stands.
    source.close();
    retry = setTimeout(connect, BRIEF_MS);
  };
  source.onerror = () => {
    failures += 1;
    if (failures > 1) away();
    // The browser gives up on some answers; we do not.
    if (source.readyState === EventSource.CLOSED) {
      retry = setTimeout(connect, Math.min(30000, 1000 * 2 ** failures) * (0.5 + Math.random() / 2));
    }
  };
}

// Whether nobody is there, or only the session is over: then what is shown stays, and a link leads to where one logs in.
async function away() {
  const answer = await fetch("/counts").catch(() => null);
  // The stream is back.
  if (failures < 2) return;
  const bar = document.getElementById("offline");
  if (answer?.status === 401 && bar && !bar.querySelector("a")) {
    const link = Object.assign(document.createElement("a"), { textContent: "Log in again" });
    link.href = `/login?to=${encodeURIComponent(location.pathname + location.search)}`;
    bar.replaceChildren("Your session is over; what you see may be old. ", link, ".");
  }
  if (!answer?.ok) offline(true);
}

function offline(is) {
  const bar = document.getElementById("offline");
  if (bar) bar.hidden = !is;
}

function take({ parts, counts, changed, told }) {
  for (const [id, html] of Object.entries(parts ?? {})) {
    const old = document.getElementById(id);
    const next = fragment(html).firstElementChild;
    if (!old || !next || old.contains(document.getSelection()?.anchorNode) && !document.getSelection().isCollapsed) continue;
    const state = (element) => element.querySelector(".state")?.textContent;
    const flipped = old.localName === "tr" && state(old) !== state(next);
    morph(old, next);
    const now = document.getElementById(id);
    if (!now) continue;
    refresh(now);
    if (flipped) {
      now.classList.add("changed");
      setTimeout(() => now.classList.remove("changed"), 2000);
    }
  }
  if (counts) {
    counted = ++asked;
    count(counts);
  }
  if (told) document.dispatchEvent(new Event("revere:told"));
  document.dispatchEvent(new CustomEvent("revere:changed", { detail: { changed: changed ?? [] } }));
}

let before;
function count(counts) {
  const failing = (counts.ALARM ?? 0) + (counts.ERROR ?? 0);
  document.title = document.title.replace(/^\(\d+\) /, "").replace(/^/, failing ? `(${failing}) ` : "");
  const icon = document.querySelector("link[rel=icon]");
  const address = `/icon.svg?failing=${failing}`;
  if (icon && icon.getAttribute("href") !== address) icon.setAttribute("href", address);
  // Counts that obey a search are not these; they come anew with the list.
  const filtered = document.querySelector("#counts[data-filtered]");
  for (const [state, number] of filtered ? [] : Object.entries(counts)) {
    const shown = document.querySelector(`[data-count=${state}]`);
    if (!shown) continue;
    shown.querySelector("b").textContent = number;
    shown.classList.toggle(`has-${state.toLowerCase()}`, number > 0);
  }
  const text = JSON.stringify(counts);
  if (before && before !== text) document.dispatchEvent(new CustomEvent("revere:counted"));
  before = text;
}
