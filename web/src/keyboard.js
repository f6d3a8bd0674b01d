// The keyboard: / searches, ? helps, Esc closes, g and a letter goes, c creates; j, k and x go through the list and choose, e edits.

export function keyboard() {
  const help = document.getElementById("help");
  for (const button of document.querySelectorAll("[data-help]")) {
    button.hidden = false;
    button.addEventListener("click", () => help.showModal());
  }
  let going = 0;
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest("input, textarea, select, [contenteditable=true]");
    if (event.key === "Escape" && typing) {
      const search = typing.closest("[data-search]");
      if (search && typing.value) {
        typing.value = "";
        typing.dispatchEvent(new Event("input", { bubbles: true }));
      } else {
        typing.blur();
      }
      return;
    }
    if (typing || help.open) return;
    if (event.key === "?") return act(event, () => help.showModal());
    if (event.key === "/") {
      const search = document.querySelector("[data-search] input[type=search]");
      return act(event, () => (search ? (search.focus(), search.select()) : location.assign("/")));
    }
    if (going && Date.now() - going < 1500) {
      going = 0;
      const address = { m: "/", a: "/alerts", s: "/sources" }[event.key];
      if (address) act(event, () => location.assign(address));
      return;
    }
    if (event.key === "g") going = Date.now();
    if (event.key === "c") act(event, () => location.assign("/create"));
    if (event.key === "j") walk(event, 1);
    if (event.key === "k") walk(event, -1);
    if (event.key === "x") document.activeElement.closest(".monitors tr")?.querySelector("input[name=pick]")?.click();
    const edit = event.key === "e" && document.querySelector("[data-edit]");
    if (edit) act(event, () => location.assign(edit.href));
  });
}

// To the next monitor of the list, or the one before; from anywhere else to the first or the last.
function walk(event, step) {
  const names = [...document.querySelectorAll(".monitors a.name")];
  if (!names.length) return;
  const row = document.activeElement.closest(".monitors tr");
  const at = names.findIndex((name) => row?.contains(name));
  const next = at < 0 ? (step > 0 ? 0 : names.length - 1) : at + step;
  act(event, () => names[Math.min(Math.max(next, 0), names.length - 1)].focus());
}

function act(event, what) {
  event.preventDefault();
  what();
}
