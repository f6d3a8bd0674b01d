// The author's page: the Python editor, the schedule read back, the try-out, drafts.
import { EditorState, Compartment } from "@codemirror/state";
import { EditorView, keymap, lineNumbers, highlightActiveLine, highlightActiveLineGutter, drawSelection, placeholder, Decoration } from "@codemirror/view";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python, pythonLanguage, globalCompletion } from "@codemirror/lang-python";
import { HighlightStyle, syntaxHighlighting, indentOnInput, bracketMatching, indentUnit } from "@codemirror/language";
import { autocompletion, closeBrackets, closeBracketsKeymap, closeCompletion, completionKeymap, completionStatus } from "@codemirror/autocomplete";
import { setDiagnostics, lintGutter, lintKeymap } from "@codemirror/lint";
import { searchKeymap, highlightSelectionMatches } from "@codemirror/search";
import { tags } from "@lezer/highlight";
import { sourceCompletion } from "./completion.js";
import { schedule } from "./schedule.js";
import { drafts } from "./drafts.js";

const form = document.querySelector("[data-author]");
if (form) start(form);

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

  const theme = EditorView.theme({
    "&": { backgroundColor: "var(--code-ground)", color: "var(--ink)", fontSize: "13px" },
    "&.cm-focused": { outline: "none" },
    ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "20px", minHeight: "220px", maxHeight: "62vh" },
    ".cm-content": { caretColor: "var(--ink)", padding: "8px 0" },
    ".cm-gutters": { backgroundColor: "var(--code-ground)", color: "var(--ink-soft)", border: "none" },
    ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--selection) 28%, transparent)" },
    "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--selection)" },
    ".cm-cursor": { borderLeftColor: "var(--ink)" },
    ".cm-tooltip": { backgroundColor: "var(--ground)", border: "1px solid var(--line-strong)", borderRadius: "6px", color: "var(--ink)" },
    ".cm-tooltip-autocomplete > ul > li": { padding: "2px 8px" },
    ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--accent-ink)" },
    ".cm-completionInfo": { maxWidth: "360px", padding: "8px 10px", whiteSpace: "pre-wrap" },
    ".cm-completionDetail": { fontStyle: "normal", color: "inherit", opacity: "0.75" },
    ".cm-diagnostic": { padding: "4px 8px" },
    // The library draws these with images inside the sheet, which the content policy refuses.
    ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--alarm) 1px", textUnderlineOffset: "3px" },
    ".cm-lint-marker-error": { content: "normal", width: "8px", height: "8px", margin: "6px 3px", backgroundColor: "var(--alarm)", clipPath: "polygon(50% 0, 100% 100%, 0 100%)" },
    ".cm-lintRange-warning": { backgroundImage: "none", textDecoration: "underline wavy var(--warn) 1px", textUnderlineOffset: "3px" },
    ".cm-lint-marker-warning": { content: "normal", width: "8px", height: "8px", margin: "6px 3px", backgroundColor: "var(--warn)", clipPath: "polygon(50% 0, 100% 50%, 50% 100%, 0 50%)" },
    ".cm-placeholder": { color: "var(--ink-soft)", whiteSpace: "pre" },
    ".cm-failed-line": { backgroundColor: "var(--alarm-tint)" },
    ".cm-panels": { backgroundColor: "var(--raised)", color: "var(--ink)" },
    ".cm-matchingBracket": { backgroundColor: "var(--selection)" },
  });
  const colours = HighlightStyle.define([
    { tag: [tags.keyword, tags.controlKeyword, tags.operatorKeyword, tags.definitionKeyword, tags.moduleKeyword, tags.bool, tags.null], color: "var(--code-keyword)" },
    { tag: [tags.string, tags.special(tags.string)], color: "var(--code-string)" },
    { tag: tags.number, color: "var(--code-number)" },
    { tag: tags.comment, color: "var(--code-comment)", fontStyle: "italic" },
    { tag: [tags.function(tags.definition(tags.variableName)), tags.className], color: "var(--code-name)" },
  ]);

  const failed = new Compartment();
  const view = new EditorView({
    parent: box,
    state: EditorState.create({
      doc: area.value,
      extensions: [
        EditorView.cspNonce.of(form.dataset.nonce),
        lineNumbers(),
        lintGutter(),
        history(),
        drawSelection(),
        indentUnit.of("    "),
        EditorState.tabSize.of(4),
        indentOnInput(),
        bracketMatching(),
        closeBrackets(),
        autocompletion({ icons: false, defaultKeymap: false, maxRenderedOptions: 60 }),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        highlightSelectionMatches(),
        placeholder(area.placeholder.trimEnd()),
        python(),
        pythonLanguage.data.of({ autocomplete: sourceCompletion }),
        pythonLanguage.data.of({ autocomplete: globalCompletion }),
        syntaxHighlighting(colours),
        theme,
        failed.of([]),
        keymap.of([
          { key: "Mod-Enter", run: () => (tryIt(), true) },
          { key: "Mod-s", run: () => (save(), true) },
          { key: "Escape", run: leave },
          ...closeBracketsKeymap,
          ...completionKeymap,
          ...lintKeymap,
          ...searchKeymap,
          ...historyKeymap,
          ...defaultKeymap,
          indentWithTab,
        ]),
        EditorView.contentAttributes.of({ "aria-labelledby": "script-label", spellcheck: "false", tabindex: "0" }),
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          area.value = view.state.doc.toString();
          area.dispatchEvent(new Event("input", { bubbles: true }));
          mark(null);
          checkSoon();
        }),
      ],
    }),
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
    if (mine !== checked || !answer?.ok) return;
    const { errors, warnings } = await answer.json();
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
    running = true;
    button.disabled = true;
    button.setAttribute("aria-busy", "true");
    place.replaceChildren(note("Running…"));
    const body = new URLSearchParams();
    for (const name of ["token", "script", "timeout_s"]) body.set(name, form.elements[name].value);
    if (form.dataset.monitor) body.set("monitor", form.dataset.monitor);
    const answer = await fetch("/try", { method: "POST", body, headers: { accept: "text/html" } }).catch(() => null);
    running = false;
    button.disabled = false;
    button.removeAttribute("aria-busy");
    if (!answer) return place.replaceChildren(note("The server does not answer. Nothing is lost; try again."));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
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
    if (event.key === "s") {
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
