// The Python editor: its look, its keys, what it completes and what it says of a call. Pages add what is theirs.
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, lineNumbers, highlightActiveLine, highlightActiveLineGutter, drawSelection } from "@codemirror/view";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { python, pythonLanguage, globalCompletion } from "@codemirror/lang-python";
import { HighlightStyle, syntaxHighlighting, indentOnInput, bracketMatching, indentUnit } from "@codemirror/language";
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { searchKeymap, highlightSelectionMatches } from "@codemirror/search";
import { lintKeymap } from "@codemirror/lint";
import { tags } from "@lezer/highlight";
import { shortestFirst, sourceCompletion } from "./completion.js";
import { sources } from "./descriptions.js";
import { signatures } from "./signatures.js";
import { goesOn, nameCompletion, noteOn } from "./source_names.js";

const theme = EditorView.theme({
  "&": { backgroundColor: "var(--code-ground)", color: "var(--ink)", fontSize: "13px" },
  "&.cm-focused": { outline: "none" },
  ".cm-signature": { padding: "4px 8px", maxWidth: "460px", fontSize: "12px", lineHeight: "17px" },
  ".cm-signature > div": { color: "var(--ink-soft)", marginTop: "2px" },
  "&:not(.cm-focused) .cm-signature": { display: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "20px", minHeight: "var(--least, 220px)", maxHeight: "62vh" },
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

// An editor in `box` with the text of `area`, which follows what is typed. `keys` come before all others.
export function codeEditor(area, box, { nonce, label, keys = [], gutters = [], more = [], changed = () => {} }) {
  sources();
  const note = Object.assign(document.createElement("p"), { className: "editor-note small soft foreign", role: "status" });
  box.after(note);
  return new EditorView({
    parent: box,
    state: EditorState.create({
      doc: area.value,
      extensions: [
        EditorView.cspNonce.of(nonce),
        gutters,
        history(),
        drawSelection(),
        indentUnit.of("    "),
        EditorState.tabSize.of(4),
        indentOnInput(),
        bracketMatching(),
        closeBrackets(),
        autocompletion({ icons: false, defaultKeymap: false, maxRenderedOptions: 60, compareCompletions: shortestFirst, activateOnCompletion: goesOn }),
        noteOn.of((words) => note.textContent === words || (note.textContent = words)),
        signatures,
        highlightSelectionMatches(),
        python(),
        pythonLanguage.data.of({ autocomplete: nameCompletion }),
        pythonLanguage.data.of({ autocomplete: sourceCompletion }),
        pythonLanguage.data.of({ autocomplete: globalCompletion }),
        syntaxHighlighting(colours),
        theme,
        more,
        keymap.of([...keys, ...closeBracketsKeymap, ...completionKeymap, ...lintKeymap, ...searchKeymap, ...historyKeymap, ...defaultKeymap]),
        EditorView.contentAttributes.of({ "aria-labelledby": label, spellcheck: "false", tabindex: "0" }),
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          area.value = update.state.doc.toString();
          area.dispatchEvent(new Event("input", { bubbles: true }));
          changed();
        }),
      ],
    }),
  });
}

export const wholeLines = [lineNumbers(), highlightActiveLine(), highlightActiveLineGutter()];
