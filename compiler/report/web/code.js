// The readable source of each kernel, its lines numbered and linked to nodes.
import { D, T, byName, kernelOf } from "./data.js";
import { $, el } from "./elements.js";
import { link } from "./changes.js";
import { markChosen } from "./marks.js";
import { choose, kernelTitle, view, watch } from "./view.js";
import { showTab } from "./tabs.js";

const NAME = /%(?:"(?:[^"\\]|\\.)*"|[\w.']+)(?:~\d+)?/g;
let shown = -1;

const slotsIn = (text) => [...text.matchAll(NAME)].map((match) => byName.get(match[0])).filter((slot) => slot !== undefined);

// The lines of a kernel's source that name a slot.
export function linesOf(slot) {
  if (!kernelOf.has(slot)) return [];
  const { source } = D.kernels[kernelOf.get(slot)];
  return [...source.keys()].filter((line) => slotsIn(T[source[line]]).includes(slot));
}
function listing(number) {
  shown = number;
  $("kernel").value = number;
  const { source } = D.kernels[number];
  $("listing").replaceChildren(...source.map((line) => {
    const slots = slotsIn(T[line]);
    return el("div", { class: "listed", "data-of": slots.length ? slots.join(" ") : false,
      onclick: (event) => slots.length && event.target.closest("button") === null && choose(slots[0]) }, linked(T[line]));
  }));
  markChosen($("code"));
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
  el("pre", { id: "listing", tabindex: 0 }));
  if (D.kernels.length) listing(0);
  watch(["slot"], () => {
    const number = kernelOf.get(view.slot);
    if (number !== undefined && number !== shown) listing(number);
  });
}
