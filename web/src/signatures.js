// The signature of the call that one is writing, over its parenthesis, with the argument one is at.
import { StateField } from "@codemirror/state";
import { showTooltip } from "@codemirror/view";
import { callAround } from "./calls.js";
import { described } from "./descriptions.js";

export const signatures = StateField.define({
  create: () => null,
  update(shown, { state, docChanged, selection }) {
    if (!docChanged && !selection) return shown;
    const call = state.selection.main.empty ? callAround(state, state.selection.main.head, described) : null;
    if (!call) return null;
    const { name, signature, doc } = described(call);
    const at = `${call.from} ${name} ${call.index} ${call.name}`;
    if (shown?.at === at) return shown;
    return { at, pos: call.from, above: true, create: () => ({ dom: draw(name, signature, doc, call) }) };
  },
  provide: (field) => showTooltip.from(field),
});

function draw(name, signature, doc, call) {
  const all = parameters(signature);
  const named = all.findIndex((one) => call.name && one.match(/^\w+/)?.[0] === call.name);
  const current = call.name ? named : Math.min(call.index, all.length - 1);
  const code = document.createElement("code");
  code.append(`${name}(`);
  all.forEach((one, index) => {
    if (index) code.append(", ");
    code.append(index === current ? Object.assign(document.createElement("b"), { textContent: one }) : one);
  });
  code.append(")");
  const box = Object.assign(document.createElement("div"), { className: "cm-signature" });
  // The first sentence; completion has the rest.
  const words = Object.assign(document.createElement("div"), { textContent: doc.split(/(?<=[.;:])\s/)[0].replace(/[;:]$/, ".") });
  box.append(code, words);
  return box;
}

// `(a, b=(1, 2))` has two.
function parameters(signature) {
  const found = [""];
  let depth = 0;
  let quote = "";
  for (const letter of signature.replace(/^\(|\)$/g, "")) {
    if (quote) quote = letter === quote ? "" : quote;
    else if (/['"]/.test(letter)) quote = letter;
    else if (/[([{]/.test(letter)) depth += 1;
    else if (/[)\]}]/.test(letter)) depth -= 1;
    if (letter === "," && !depth && !quote) found.push("");
    else found[found.length - 1] += letter;
  }
  return found.map((one) => one.trim()).filter(Boolean);
}
