// Completion of sources and their methods, from the server's own description of them.
import { snippetCompletion } from "@codemirror/autocomplete";

let sources;
function known() {
  sources ??= fetch("/api/v1/sources")
    .then((answer) => (answer.ok ? answer.json() : { items: [] }))
    .then(({ items }) => items)
    .catch(() => {
      sources = undefined;
      return [];
    });
  return sources;
}

const given = [
  { label: "sources", type: "variable", detail: "['name']", info: "The configured sources. A name that is none is a KeyError that lists them." },
  { label: "return_value", type: "variable", detail: "int, float or str", info: "What is recorded and charted." },
  { label: "previous", type: "variable", detail: "run or None", info: "The last recorded run: .state, .return_value, .message, .at" },
  snippetCompletion("raise MonitorFailure('${what is wrong}')", { label: "raise MonitorFailure", type: "keyword", info: "Says that what is watched is wrong: ALARM with this message." }),
  { label: "MonitorFailure", type: "class", info: "Raise it to say that what is watched is wrong: ALARM with its message." },
  { label: "SourceError", type: "class", info: "What a source that fails raises." },
];

export async function sourceCompletion(context) {
  const method = context.matchBefore(/sources\s*\[\s*(['"])([^'"]*)\1\s*\]\s*\.\s*\w*/);
  if (method) {
    const [, , name] = method.text.match(/sources\s*\[\s*(['"])([^'"]*)\1/);
    const source = (await known()).find((one) => one.name === name);
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
      options: (await known()).map((one) => ({
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
  const word = context.matchBefore(/[A-Za-z_]\w*/);
  if (!word || (context.matchBefore(/\.\s*\w*/) && !context.explicit)) return null;
  return { from: word.from, options: given, validFor: /^\w*$/ };
}
