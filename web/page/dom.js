// Small help for making elements. Texts go in by textContent only.

export const $ = (id) => document.getElementById(id);

// el makes an element; props are properties or, with a dash or for roles,
// attributes.
export function el(tag, props = {}, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(props)) {
    if (k.includes("-") || k === "role" || k === "for") e.setAttribute(k, v);
    else e[k] = v;
  }
  e.append(...children);
  return e;
}

// put sets a text only if it changed, so that live regions speak once.
export function put(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

// attribute sets one only if it changed; null removes it.
export function attribute(e, name, value) {
  if (value === null) e.removeAttribute(name);
  else if (e.getAttribute(name) !== String(value)) e.setAttribute(name, value);
}
