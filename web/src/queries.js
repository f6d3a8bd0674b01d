// The questions on the page of sources, with the completion of the author's page. An editor is made when its source is opened.
import { closeCompletion, completionStatus } from "@codemirror/autocomplete";
import { codeEditor } from "./code_editor.js";

export function queries() {
  for (const area of document.querySelectorAll("textarea[data-query]")) {
    const details = area.closest("details");
    const open = () => details.open && area.isConnected && !area.hidden && start(area);
    details.addEventListener("toggle", open);
    open();
  }
}

function start(area) {
  const box = Object.assign(document.createElement("div"), { className: "editor query" });
  area.before(box);
  area.hidden = true;
  const label = document.querySelector(`label[for="${area.id}"]`);
  label.id = `${area.id}-label`;
  const view = codeEditor(area, box, {
    nonce: area.closest("[data-nonce]").dataset.nonce,
    label: label.id,
    keys: [
      { key: "Mod-Enter", run: () => (area.form.requestSubmit(), true) },
      { key: "Escape", run: leave },
    ],
  });
  label.addEventListener("click", () => view.focus());

  function leave(view) {
    if (completionStatus(view.state) === "active") return closeCompletion(view);
    area.form.querySelector("button").focus();
    return true;
  }
}
