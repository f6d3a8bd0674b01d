// Makes one element like another without replacing what is the same: focus, open details and ticked boxes stay.

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
  const ours = [...old.childNodes];
  const theirs = [...next.childNodes];
  theirs.forEach((child, index) => (ours[index] ? morph(ours[index], child) : old.append(child.cloneNode(true))));
  ours.slice(theirs.length).forEach((child) => child.remove());
}
