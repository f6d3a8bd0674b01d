// Which call of a script stands around a place in it, and whose: `sources['shop'].get_sum(`, `history(`.
import { syntaxTree } from "@codemirror/language";

// The nearest call whose parentheses hold `pos`: what is called, and which of its arguments is there, by number and by name.
export function callAround(state, pos, known = () => true) {
  for (let node = syntaxTree(state).resolveInner(pos, -1); node; node = node.parent) {
    if (node.name !== "ArgList" || node.parent?.name !== "CallExpression" || node.from >= pos) continue;
    if (node.lastChild?.name === ")" && pos >= node.to) continue;
    const called = callee(state, state.sliceDoc(node.parent.from, node.from).trim());
    if (!called || !known(called)) continue;
    let index = 0;
    let name = null;
    for (let child = node.firstChild; child && child.from < pos; child = child.nextSibling) {
      if (child.name === ",") [index, name] = [index + 1, null];
      else if (child.name === "AssignOp" && child.prevSibling) name = state.sliceDoc(child.prevSibling.from, child.prevSibling.to);
    }
    return { ...called, from: node.from, index, name };
  }
  return null;
}

function callee(state, text) {
  const method = /^(.+?)\s*\.\s*(\w+)$/s.exec(text);
  const source = method && sourceNamed(state, method[1]);
  if (source !== null) return { source, method: method[2] };
  return /^\w+$/.test(text) ? { source: null, method: text } : null;
}

// The name of the source that an expression is: `sources['shop']`, or a variable that was given it.
export function sourceNamed(state, text) {
  const direct = /^sources\s*\[\s*(['"])(.*?)\1\s*\]$/s.exec(text);
  if (direct) return direct[2];
  if (!/^[A-Za-z_]\w*$/.test(text)) return null;
  const given = new RegExp(`^[ \\t]*${text}[ \\t]*=[ \\t]*sources\\s*\\[\\s*(['"])(.*?)\\1\\s*\\][ \\t]*(?:#.*)?$`, "gm");
  return [...state.doc.toString().matchAll(given)].pop()?.[2] ?? null;
}
