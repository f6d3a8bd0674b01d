// The alerts: what became of what they told, as it becomes. What someone is about to switch or has just tested stays.
import { morph } from "./morph.js";
import { refresh } from "./times.js";

// Not more often: with many deliveries each one is not worth a page.
const APART_MS = 2000;

export function deliveryLog() {
  const log = document.getElementById("log");
  if (!log) return;
  let asked = 0;
  let shown = 0;
  let askedAt = 0;
  let timer;
  document.addEventListener("revere:told", () => {
    clearTimeout(timer);
    timer = setTimeout(show, Math.max(0, askedAt + APART_MS - Date.now()));
  });

  async function show() {
    const mine = ++asked;
    askedAt = Date.now();
    const answer = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
    const html = answer?.ok && (await answer.text().catch(() => null));
    // A later one stands there by now. One that is only on its way is not waited for: where much is delivered there always is one.
    if (typeof html !== "string" || mine < shown) return;
    shown = mine;
    const page = new DOMParser().parseFromString(html, "text/html");
    const pairs = [[log, page.getElementById("log")]];
    for (const row of document.querySelectorAll("[data-alert]")) {
      const next = page.getElementById(row.id);
      row.classList.toggle("failing", next?.classList.contains("failing") ?? false);
      // What a test was answered stays.
      const parts = ["[data-owed]", "[data-fared]", ...(row.querySelector("[data-trouble] .notice") ? [] : ["[data-trouble]"])];
      for (const part of parts) pairs.push([row.querySelector(part), next?.querySelector(part)]);
    }
    const selected = document.getSelection();
    for (const [old, next] of pairs) {
      if (!old || !next || (!selected.isCollapsed && old.contains(selected.anchorNode))) continue;
      morph(old, next);
      refresh(old);
    }
  }
}
