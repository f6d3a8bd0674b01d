// Completion of the names of a script's world, of sources and their methods, from the server's own description of them.
import { snippetCompletion } from "@codemirror/autocomplete";
import { syntaxTree } from "@codemirror/language";
import { sourceNamed } from "./calls.js";
import { described, sources } from "./descriptions.js";

const about = (name) => {
  const { signature, doc } = described({ source: null, method: name });
  return { label: name, detail: signature, info: doc };
};
const world = [
  { label: "sources", type: "variable", detail: "['name']", info: "The configured sources. A name that is none is a KeyError that lists them." },
  { label: "return_value", type: "variable", detail: "int, float or str", info: "What is recorded and charted." },
  { label: "previous", type: "variable", detail: "run or None", info: "The last recorded run: .state, .return_value, .message, .at" },
  snippetCompletion("history(${'-7d'})", { ...about("history"), type: "function" }),
  { label: "threshold", type: "variable", detail: "number", info: "What return_value is compared with: recorded with the run and drawn in the chart." },
  snippetCompletion("raise MonitorFailure('${what is wrong}')", { label: "raise MonitorFailure", type: "keyword", info: "Says that what is watched is wrong: ALARM with this message." }),
  { ...about("MonitorFailure"), type: "class" },
  { ...about("SourceError"), type: "class" },
];

export async function sourceCompletion(context) {
  // What a script is given is nothing in a text, and nothing in a comment.
  const asText = /String|Comment/.test(syntaxTree(context.state).resolveInner(context.pos, -1).name);
  const method = !asText && context.matchBefore(/(?:sources\s*\[\s*(?:'[^']*'|"[^"]*")\s*\]|\b[A-Za-z_]\w*)\s*\.\s*\w*/);
  const asked = method && sourceNamed(context.state, method.text.replace(/\s*\.\s*\w*$/, ""));
  if (asked) {
    const source = (await sources()).find((one) => one.name === asked);
    if (!source) return null;
    return {
      from: context.pos - method.text.match(/\w*$/)[0].length,
      options: source.methods.map((one) => ({ ...snippetCompletion(`${one.name}(\${})`, { label: one.name }), detail: one.signature, info: one.doc, type: "method" })),
      validFor: /^\w*$/,
    };
  }
  const name = context.matchBefore(/sources\s*\[\s*['"]?[^'"\]]*/);
  if (name) {
    const [, quote, typed] = name.text.match(/\[\s*(['"]?)(.*)$/);
    const after = context.state.sliceDoc(context.pos, context.pos + 2);
    return {
      from: context.pos - typed.length - quote.length,
      options: (await sources()).map((one) => ({
        label: `'${one.name}'`,
        detail: one.type,
        info: one.description || undefined,
        type: "constant",
        apply: (view, completion, from, to) => {
          const close = /^['"]?\]/.exec(after)?.[0] ?? (/^['"]/.exec(after)?.[0] || "");
          const text = `'${one.name}']`;
          view.dispatch({ changes: { from, to: to + close.length, insert: text }, selection: { anchor: from + text.length } });
        },
      })),
      filter: true,
    };
  }
  if (asText) return null;
  const word = context.matchBefore(/[A-Za-z_]\w*/);
  if (!word || (context.matchBefore(/\.\s*\w*/) && !context.explicit)) return null;
  return { from: word.from, options: world, validFor: /^\w*$/ };
}

// Of those that fit as well, the shortest is what was typed.
export const shortestFirst = (one, other) => one.label.length - other.label.length || (one.label < other.label ? -1 : 1);
