// Makes elements: made("a", {href: "/", class: "x"}, "text", child). No innerHTML anywhere: what callers say is text.
export function made(name, attributes = {}, ...children) {
  return filledIn(document.createElement(name), attributes, children);
}

export function drawn(name, attributes = {}, ...children) {
  return filledIn(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filledIn(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

export const by = (id) => document.getElementById(id);
