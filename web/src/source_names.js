// Completion inside what a source is asked: tables and columns, paths, metrics and labels, as the source itself names them.
// A source that is slow or away holds nobody up: what was not told in time is not offered, and a line says so.
import { Facet } from "@codemirror/state";
import { syntaxTree } from "@codemirror/language";
import { callAround } from "./calls.js";
import { sources } from "./descriptions.js";

// Where it is said that a source names nothing now.
export const noteOn = Facet.define();
// The server gives a source three seconds.
const PATIENCE_MS = 5000;
const LONGEST_PREFIX = 200;
// The arguments that hold a question.
const QUESTIONS = ["sql", "path", "expr"];

export async function nameCompletion(context) {
  const text = question(context);
  if (!text) return null;
  const source = (await sources()).find((one) => one.name === text.source);
  const typed = source?.names_of && WORDS[source.names_of](text, context.explicit);
  if (!typed || typed.prefix.length > LONGEST_PREFIX) return null;
  const found = await ask(text.source, typed.prefix);
  if (context.aborted || !found) return null;
  const tell = context.state.facet(noteOn)[0] ?? (() => {});
  tell(found.fault ? `sources['${text.source}'] names nothing now: ${found.fault}` : "");
  const options = unlike(found.items.map((item) => option(item, typed, text)));
  if (!options.length) return null;
  const from = context.pos - typed.word.length;
  return {
    from,
    options,
    validFor: found.complete ? (now) => now.startsWith(typed.word) && !/[.{,\s]/.test(now.slice(typed.word.length)) : undefined,
  };
}

// The text around the place, if it is what a source is asked.
function question({ state, pos }) {
  let node = syntaxTree(state).resolveInner(pos, -1);
  while (node && !/^(String|FormatString)$/.test(node.name)) node = node.parent;
  if (!node) return null;
  const whole = state.sliceDoc(node.from, node.to);
  const [opening, quote] = /^[A-Za-z]*("""|'''|"|')/.exec(whole) ?? [];
  if (!opening || pos < node.from + opening.length) return null;
  const closed = whole.length >= opening.length + quote.length && whole.endsWith(quote);
  if (closed && pos > node.to - quote.length) return null;
  const call = callAround(state, node.from);
  if (!call?.source || !(call.name ? QUESTIONS.includes(call.name) : call.index === 0)) return null;
  const inside = state.sliceDoc(node.from + opening.length, closed ? node.to - quote.length : node.to);
  return { source: call.source, quote, inside, before: state.sliceDoc(node.from + opening.length, pos) };
}

// What is being typed, and what the names begin with that could be meant. Nothing typed is asked about on request alone,
// or where a name must follow.
const WORDS = {
  tables({ before, inside }, explicit) {
    const [word, start, last] = /((?:[\p{L}\p{N}_$]+\.)*)(["`]?[\p{L}\p{N}_$]*)$/u.exec(before);
    const due = /\b(?:from|join)\s+$/i.test(before.slice(0, before.length - word.length));
    if (!explicit && !word && !due) return null;
    const alias = start && !start.slice(0, -1).includes(".") && aliased(inside, start.slice(0, -1));
    return { word: last, prefix: (alias ? `${alias}.` : start) + last.replace(/^["`]/, ""), after: start, wants: due ? "table" : "column" };
  },
  paths({ before }, explicit) {
    const [word] = /[^\s,()'"\\]*$/.exec(before);
    return explicit || word ? { word, prefix: word } : null;
  },
  metrics({ before }, explicit) {
    const braces = /([A-Za-z_:][\w:]*)\{((?:[^{}"']|"[^"]*"|'[^']*')*)$/.exec(before);
    if (braces) {
      const label = /(?:^|,)\s*(\w*)$/.exec(braces[2]);
      return label && { word: label[1], prefix: `${braces[1]}{${label[1]}` };
    }
    const [word] = /(?:[A-Za-z_:][\w:]*)?$/.exec(before);
    return explicit || word ? { word, prefix: word } : null;
  },
};

// The table that is called so in a statement.
function aliased(statement, alias) {
  for (const [, table, name] of statement.matchAll(/\b(?:from|join)\s+([\p{L}\p{N}_$.]+)\s+(?:as\s+)?([\p{L}\p{N}_$]+)/giu)) {
    if (name === alias) return table;
  }
  return null;
}

function option(item, typed, text) {
  // Of `shop.orders` the schema stands there already.
  const written = item.kind === "table" && typed.after ? item.written.slice(typed.after.length) : item.written;
  const used = item.of && new RegExp(`(?<![\\p{L}\\p{N}_$])${item.of.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}(?![\\p{L}\\p{N}_$])`, "iu").test(text.inside);
  const apply = text.quote.length === 1 ? written.replaceAll(text.quote, `\\${text.quote}`) : written;
  return {
    label: written,
    apply,
    detail: [item.kind === "column" && item.of, item.detail || (item.kind === "column" ? "" : item.kind)].filter(Boolean).join(" · "),
    type: item.kind,
    boost: (used ? 20 : 0) + (item.kind === typed.wants ? 10 : 0),
    branch: item.kind === "branch",
  };
}

// Columns of many tables are called `id`: one is offered, that of a table in the statement before others.
function unlike(options) {
  const best = new Map();
  for (const one of options) {
    const other = best.get(one.label);
    if (!other || one.boost > other.boost) best.set(one.label, one);
  }
  return [...best.values()];
}

async function ask(source, prefix) {
  const address = `/api/v1/sources/${encodeURIComponent(source)}/names?prefix=${encodeURIComponent(prefix)}`;
  const answer = await fetch(address, { signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => null);
  return answer?.ok ? answer.json().catch(() => null) : null;
}

// A branch was chosen: what is below it comes next.
export const goesOn = (completion) => Boolean(completion.branch);
