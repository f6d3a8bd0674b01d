// Makes one element like another without replacing what is the same: focus, open details and ticked boxes stay, and stay with
// what they belong to, wherever it stands by then.

export function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  return template.content;
}

export function morph(old, next) {
  if (old.nodeType !== next.nodeType || old.nodeName !== next.nodeName) {
    old.replaceWith(next.cloneNode(true));
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name) && !(name === "open" && old.localName === "details")) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  children(old, next);
}

// A child with an id is the one that has that id, and no other; the others are told apart by their places between those.
function children(old, next) {
  const theirs = [...next.childNodes];
  const stay = new Set(theirs.map(idOf));
  for (const child of [...old.children]) if (idOf(child) && !stay.has(idOf(child))) child.remove();
  const ours = new Map([...old.children].map((child) => [idOf(child), child]));
  let at = old.firstChild;
  for (const child of theirs) {
    const id = idOf(child);
    const same = id ? ours.get(id) : at && !idOf(at) ? at : null;
    if (!same) {
      old.insertBefore(child.cloneNode(true), at);
      continue;
    }
    if (same === at) at = at.nextSibling;
    else old.insertBefore(same, at);
    morph(same, child);
  }
  while (at) {
    const rest = at;
    at = at.nextSibling;
    rest.remove();
  }
}

// Not the property: that of a form may be a field of it.
function idOf(node) {
  return node.getAttribute?.("id") ?? "";
}
