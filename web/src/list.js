// The list: search as one types, choosing many, worst first again when states change.
import { fragment, morph } from "./morph.js";
import { refresh } from "./times.js";

// So long an answer is waited for.
const PATIENCE_MS = 30_000;

export function list() {
  const form = document.querySelector("[data-search]");
  const place = document.getElementById("list");
  if (!form || !place) return;
  for (const button of form.querySelectorAll("[data-quiet-submit]")) button.hidden = true;
  let asked = 0;
  let timer;
  // The last one, while its answer is on its way: nothing but a search comes before it.
  let awaited = 0;

  async function show(address, remember) {
    const number = ++asked;
    awaited = number;
    const url = new URL(address, location.href);
    url.searchParams.set("part", "list");
    const answer = await fetch(url, { headers: { accept: "text/html" }, signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => null);
    const html = answer?.ok && (await answer.text().catch(() => null));
    if (awaited === number) awaited = 0;
    if (typeof html !== "string" || number !== asked) return;
    // Somebody may have begun to choose while it was on its way.
    if (!remember && inUse()) return resort();
    const next = fragment(html);
    morph(place, next.getElementById("list"));
    // They obey the search, and lead on within it.
    morph(document.getElementById("counts"), next.getElementById("counts"));
    prepare();
    refresh(place);
    if (remember) history.replaceState(null, "", address);
    lead();
    document.dispatchEvent(new Event("revere:shown"));
  }

  function wanted() {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) query.set(name, value);
    const text = query.toString();
    return text ? `/?${text}` : "/";
  }

  // What was typed can be taken back.
  function lead() {
    const asked = new URLSearchParams(location.search);
    for (const other of ["after", "done", "deleted", "sort"]) asked.delete(other);
    form.querySelector("[data-clear]").hidden = asked.size === 0;
    // What is kept is what is seen.
    const save = document.querySelector("[data-save-filter]");
    save.hidden = wanted() === "/" && location.search === "";
    save.querySelector("[name=query]").value = location.search || "/";
    for (const link of document.querySelectorAll(".saved a")) {
      const same = new URL(link.href).searchParams;
      const shown = new URLSearchParams(location.search);
      for (const other of ["after", "done", "deleted"]) shown.delete(other);
      same.sort();
      shown.sort();
      if (same.toString() === shown.toString()) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  function find() {
    clearTimeout(timer);
    timer = undefined;
    show(wanted(), true);
  }
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(find, 120);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    find();
  });

  // States changed: the order may have, too. Not while someone is choosing or moving through the rows; after that. One change after
  // another does not put it off.
  let again;
  const inUse = () => place.querySelector("[name=pick]:checked") || place.contains(document.activeElement) || place.matches(":hover");
  const busy = () => timer || awaited || inUse();
  function resort() {
    again ??= setTimeout(() => {
      again = undefined;
      busy() ? resort() : show(location.pathname + location.search, false);
    }, 1500);
  }
  document.addEventListener("revere:counted", resort);

  function prepare() {
    const bulk = place.querySelector("[data-bulk]");
    if (!bulk) return;
    const all = place.querySelector("[data-pick-all]");
    const boxes = () => [...place.querySelectorAll("[name=pick]")];
    all.hidden = false;
    const count = () => {
      const chosen = boxes().filter((box) => box.checked).length;
      bulk.hidden = chosen === 0;
      bulk.querySelector("[data-picked]").textContent = `${chosen} chosen:`;
      all.checked = chosen > 0 && chosen === boxes().length;
      all.indeterminate = chosen > 0 && !all.checked;
    };
    all.onchange = () => {
      for (const box of boxes()) box.checked = all.checked;
      count();
    };
    place.onchange = (event) => event.target.name === "pick" && count();
    // With Shift, all from the one that was chosen last.
    let last;
    place.onclick = (event) => {
      const box = event.target.closest("[name=pick]");
      if (!box) return;
      const all = boxes();
      const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((one, other) => one - other);
      if (event.shiftKey && from >= 0) for (const between of all.slice(from, to + 1)) between.checked = box.checked;
      last = box;
      count();
    };
    count();
  }
  prepare();
  // What was typed before this listened.
  const typed = form.querySelector("input[type=search]");
  if (typed.value !== typed.defaultValue) show(wanted(), true);
  // What was done is said once, and not again where the page is shown anew.
  const done = new URL(location.href);
  if (done.searchParams.has("done")) {
    done.searchParams.delete("done");
    history.replaceState(null, "", done.pathname + done.search);
  }
}
