// Making elements of a page.
export const $ = (id) => document.getElementById(id);

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}
export const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

export function table(heads, rows) {
  return el("div", { class: "scroll" },
    el("table", {}, el("tr", {}, heads.map((text) => el("th", {}, text))), rows));
}

// A row that does something, for the keyboard too.
export function rowTo(act, attributes, cells) {
  const press = (event) => {
    if (event.key !== "Enter") return;
    act();
    event.stopPropagation();
  };
  return el("tr", { class: "go", tabindex: 0, onclick: act, onkeydown: press, ...attributes },
    cells.map((cell) => (cell instanceof Node ? cell : el("td", {}, cell))));
}

export const legend = (items) => el("p", { class: "axis-text" }, items.flatMap(([kind, text]) =>
  [svg("svg", { width: 12, height: 12 }, svg("rect", { class: kind, width: 11, height: 11, rx: 3 })), ` ${text}   `]));
