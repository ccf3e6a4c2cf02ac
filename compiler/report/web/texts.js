// The text forms of two graphs in one: lines of one side are marked, long runs of alike ones are folded.
import { D, T } from "./data.js";
import { $, el } from "./elements.js";
import { choose, view, watch } from "./view.js";

const NEAR = 2, CLASSES = ["", "minus", "plus"];

const lineOf = ([mark, text, slot]) => el("button", { type: "button", class: "text-line " + CLASSES[mark], "data-of": slot,
  onclick: () => choose(slot) }, `${" -+"[mark]} ${T[text]}`);

function folded(lines) {
  const button = el("button", { type: "button", class: "text-line more",
    onclick: () => button.replaceWith(...lines.map(lineOf)) }, `@ ${lines.length} alike: show`);
  button.lines = lines;
  return button;
}
function draw() {
  const marked = new Set();
  D.lines.forEach(([mark], line) => {
    if (mark) for (let near = line - NEAR; near <= line + NEAR; near++) marked.add(near);
  });
  const found = [];
  let hidden = [];
  D.lines.forEach((line, number) => {
    if (!marked.has(number)) hidden.push(line);
    if (marked.has(number) || number === D.lines.length - 1) {
      if (hidden.length) found.push(folded(hidden));
      hidden = [];
    }
    if (marked.has(number)) found.push(lineOf(line));
  });
  $("text").replaceChildren(el("h2", {}, "Both texts"), el("div", { id: "listing", class: "texts" }, found));
}
// Opens the lines that are folded around the chosen node, and scrolls to its first one.
function reveal() {
  if (view.slot < 0) return;
  for (const more of document.querySelectorAll("#listing .more"))
    if (more.lines.some(([, , slot]) => slot === view.slot)) more.click();
  const line = $("listing").querySelector(`[data-of="${view.slot}"]`), list = $("listing");
  if (line) list.scrollTop += line.getBoundingClientRect().top - list.getBoundingClientRect().top - list.clientHeight / 2;
}
export function beginText() {
  draw();
  watch(["slot"], reveal);
}
