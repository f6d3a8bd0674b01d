// The pages with Python to edit: the author's, with the schedule read back, the try-out and drafts, and that of sources.
import { Compartment, Prec } from "@codemirror/state";
import { EditorView, keymap, placeholder, Decoration } from "@codemirror/view";
import { indentWithTab } from "@codemirror/commands";
import { closeCompletion, completionStatus } from "@codemirror/autocomplete";
import { setDiagnostics, lintGutter } from "@codemirror/lint";
import { codeEditor, wholeLines } from "./code_editor.js";
import { queries } from "./queries.js";
import { schedule } from "./schedule.js";
import { drafts } from "./drafts.js";

const form = document.querySelector("[data-author]");
if (form) start(form);
queries();

function start(form) {
  const area = form.elements.script;
  const box = document.createElement("div");
  box.className = "editor";
  if (area.getAttribute("aria-invalid")) box.classList.add("bad");
  area.before(box);
  area.hidden = true;
  // The label of the text area leads to the editor.
  const label = form.querySelector("label[for=script]");
  label.id = "script-label";

  const failed = new Compartment();
  const view = codeEditor(area, box, {
    nonce: form.dataset.nonce,
    label: label.id,
    keys: [
      { key: "Mod-Enter", run: () => (tryIt(), true) },
      { key: "Mod-s", run: () => (save(), true) },
      { key: "Escape", run: leave },
    ],
    gutters: [wholeLines, lintGutter()],
    more: [placeholder(area.placeholder.trimEnd()), failed.of([]), Prec.lowest(keymap.of([indentWithTab]))],
    changed() {
      mark(null);
      checkSoon();
    },
  });
  label.addEventListener("click", () => view.focus());

  // Esc closes what is offered, if something is seen to be; otherwise it leads out of the editor, where Tab moves on.
  function leave(view) {
    if (completionStatus(view.state) === "active") return closeCompletion(view);
    view.contentDOM.blur();
    form.querySelector("[data-try]").focus();
    return true;
  }

  function mark(line) {
    const inside = line && line <= view.state.doc.lines;
    const shade = inside ? EditorView.decorations.of(Decoration.set([Decoration.line({ class: "cm-failed-line" }).range(view.state.doc.line(line).from)])) : [];
    view.dispatch({ effects: failed.reconfigure(shade) });
  }
  function go(line) {
    if (!line || line > view.state.doc.lines) return;
    const at = view.state.doc.line(line).from;
    view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
    view.focus();
  }

  // What Python itself says of the script, as one types.
  let timer;
  let checked = 0;
  function checkSoon() {
    clearTimeout(timer);
    timer = setTimeout(check, 350);
  }
  async function check() {
    const mine = ++checked;
    const script = view.state.doc.toString();
    if (!script.trim()) return view.dispatch(setDiagnostics(view.state, []));
    const answer = await fetch("/api/v1/check", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ script }) }).catch(() => null);
    const said = answer?.ok && (await answer.json().catch(() => null));
    if (mine !== checked || !said) return;
    const { errors, warnings } = said;
    const shown = (severity) => ({ line, message }) => {
      const at = view.state.doc.line(Math.min(Math.max(line ?? 1, 1), view.state.doc.lines));
      const from = at.from + (at.text.length - at.text.trimStart().length);
      return { from, to: Math.max(from, at.to), severity, message };
    };
    view.dispatch(setDiagnostics(view.state, [...errors.map(shown("error")), ...warnings.map(shown("warning"))]));
  }

  // The try-out, beside the script.
  const place = document.getElementById("outcome");
  const button = form.querySelector("[data-try]");
  let running;
  async function tryIt() {
    if (running) return;
    if (!form.elements.script.value.trim()) return place.replaceChildren(note("Nothing to run yet: the script is empty. The grey text is an example."));
    running = true;
    button.disabled = true;
    button.setAttribute("aria-busy", "true");
    place.replaceChildren(note("Running…"));
    const body = new URLSearchParams();
    for (const name of ["token", "script", "timeout_s"]) body.set(name, form.elements[name].value);
    if (form.dataset.monitor) body.set("monitor", form.dataset.monitor);
    const answer = await fetch("/try", { method: "POST", body, headers: { accept: "text/html" } }).catch(() => null);
    // All of it, before another one may be asked for: the rest of this one would take its place.
    const html = await answer?.text().catch(() => null);
    running = false;
    button.disabled = false;
    button.removeAttribute("aria-busy");
    if (typeof html !== "string") return place.replaceChildren(note("The server does not answer. Nothing is lost; try again."));
    const page = new DOMParser().parseFromString(html, "text/html");
    if (!answer.ok) return place.replaceChildren(note(page.querySelector("main .said")?.textContent ?? `The server says ${answer.status}.`));
    place.replaceChildren(...[...page.body.childNodes].map((node) => document.adoptNode(node)));
    const link = place.querySelector("[data-line]");
    mark(link ? Number(link.dataset.line) : null);
  }
  function note(text) {
    return Object.assign(document.createElement("div"), { className: "in soft", textContent: text });
  }
  button.addEventListener("click", (event) => {
    event.preventDefault();
    tryIt();
  });
  place.addEventListener("click", (event) => {
    const link = event.target.closest("[data-line]");
    if (!link) return;
    event.preventDefault();
    go(Number(link.dataset.line));
  });

  function save() {
    form.requestSubmit(form.querySelector(".save button[value=save]"));
  }
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.defaultPrevented) return;
    if (event.key.toLowerCase() === "s") {
      event.preventDefault();
      save();
    } else if (event.key === "Enter") {
      event.preventDefault();
      tryIt();
    }
  });

  schedule(form);
  drafts(form, (script) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: script } }));
  if (area.dataset.faultLine) {
    mark(Number(area.dataset.faultLine));
    go(Number(area.dataset.faultLine));
  }
  if (area.value.trim()) check();
}
