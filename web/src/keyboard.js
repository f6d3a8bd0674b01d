// The keyboard: / searches, ? helps, Esc closes, g and a letter goes, c creates.

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
  });
}

function act(event, what) {
  event.preventDefault();
  what();
}
