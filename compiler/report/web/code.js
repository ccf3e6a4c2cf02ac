// The readable source of each kernel, its lines numbered and linked to nodes, and how its loops came to be.
import { D, T, byName, kernelOf } from "./data.js";
import { $, el } from "./elements.js";
import { link } from "./changes.js";
import { markChosen } from "./marks.js";
import { counted } from "./numbers.js";
import { choose, kernelTitle, view, watch } from "./view.js";
import { showTab } from "./tabs.js";

const NAME = /%(?:"(?:[^"\\]|\\.)*"|[\w.']+)(?:~\d+)?/g;
// The kernel that is shown, and after which trick; -1 for the source, before atoms are a machine's.
let shown = -1, trick = -1;

const slotsIn = (text) => [...text.matchAll(NAME)].map((match) => byName.get(match[0])).filter((slot) => slot !== undefined);

// The lines of a kernel's source that name a slot.
export function linesOf(slot) {
  if (!kernelOf.has(slot)) return [];
  const { source } = D.kernels[kernelOf.get(slot)];
  return [...source.keys()].filter((line) => slotsIn(T[source[line]]).includes(slot));
}
// The lines after a trick: those of the last one that changed any.
const linesAfter = (loops, at) => loops.slice(0, at + 1).findLast(([, , lines]) => lines.length)[2];

// Which lines are not among those before, wherever these stood.
function freshIn(before, lines) {
  const left = new Map();
  for (const line of before) left.set(T[line].trim(), (left.get(T[line].trim()) || 0) + 1);
  return new Set([...lines.keys()].filter((place) => {
    const text = T[lines[place]].trim(), count = left.get(text) || 0;
    left.set(text, count - 1);
    return count <= 0;
  }));
}
function listing(number) {
  shown = number;
  $("kernel").value = number;
  const { source, loops } = D.kernels[number], at = trick < 0 ? loops.length - 2 : trick;
  const lines = loops.length ? linesAfter(loops, at) : source;
  const fresh = at > 0 ? freshIn(linesAfter(loops, at - 1), lines) : new Set();
  $("tricks").replaceChildren(...loops.map(([name, sentence, changed], place) => el("button", { type: "button",
    "aria-pressed": String(place === at), class: changed.length ? false : "same", title: T[sentence],
    onclick: () => choseTrick(place) }, T[name])));
  $("trick").replaceChildren(...(loops.length ? said(loops, at, lines, fresh) : []));
  $("listing").replaceChildren(...lines.map((line, place) => {
    const slots = slotsIn(T[line]);
    return el("div", { class: fresh.has(place) ? "listed fresh" : "listed", "data-of": slots.length ? slots.join(" ") : false,
      onclick: (event) => slots.length && event.target.closest("button") === null && choose(slots[0]) }, linked(T[line]));
  }));
  markChosen($("code"));
}
function said(loops, at, lines, fresh) {
  const [name, sentence, changed] = loops[at];
  const count = !changed.length ? "nothing to do here" : at === 0 ? counted(lines.length, "line")
    : `${linesAfter(loops, at - 1).length} → ${counted(lines.length, "line")}, ${fresh.size} of them new`;
  return [el("b", {}, T[name]), ` · ${T[sentence]} · ${count}`];
}
function choseTrick(place) {
  trick = place;
  listing(shown);
  $("tricks").children[place].focus();
}
function linked(line) {
  const found = [];
  let end = 0;
  for (const match of line.matchAll(NAME)) {
    if (!byName.has(match[0])) continue;
    found.push(line.slice(end, match.index), link(byName.get(match[0]), match[0]));
    end = match.index + match[0].length;
  }
  return [...found, line.slice(end)];
}
// The kernel's source, at the first line that names a slot.
export function showCode(number, slot) {
  trick = -1;
  listing(number);
  showTab("code");
  $("code").scrollIntoView({ block: "start" });
  const [line] = slot === undefined ? [] : linesOf(slot);
  if (line !== undefined) $("listing").children[line].scrollIntoView({ block: "nearest" });
}
export function beginCode() {
  const options = D.kernels.map((kernel, number) => el("option", { value: number }, kernelTitle(number)));
  $("code").replaceChildren(el("div", { class: "row" }, el("h2", {}, "Code"),
    el("select", { id: "kernel", "aria-label": "Kernel", onchange: (event) => listing(Number(event.target.value)) }, options)),
  el("div", { id: "tricks", role: "group", "aria-label": "The loops after each trick" }), el("p", { id: "trick", "aria-live": "polite" }),
  el("pre", { id: "listing", tabindex: 0 }));
  if (D.kernels.length) listing(0);
  watch(["slot"], () => {
    const number = kernelOf.get(view.slot);
    if (number !== undefined && number !== shown) listing(number);
  });
}
