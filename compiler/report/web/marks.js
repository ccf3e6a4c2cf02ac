// Marking what is about the chosen node, and about what the pointer or the focus is on, in every graph, chart and
// listing. What is about slots says so: data-of="3 7".
import { view, watch } from "./view.js";

function mark(look, slots, root) {
  const only = slots.size === 1 ? ` ${[...slots][0]} ` : "";
  for (const item of root.querySelectorAll("[data-of]")) {
    const { of } = item.dataset;
    item.classList.toggle(look, only ? ` ${of} `.includes(only) : of.split(" ").some((slot) => slots.has(slot)));
  }
}
// In what is drawn anew; all else is marked when the choice changes.
export const markChosen = (root) => mark("on", new Set([String(view.slot)]), root);

let lit = "";
function light(event) {
  const item = event.target.closest ? event.target.closest("[data-of]") : null;
  const of = item && event.type !== "pointerleave" ? item.dataset.of : "";
  if (of === lit) return;
  lit = of;
  mark("lit", new Set(of ? of.split(" ") : []), document);
}
export function beginMarks() {
  for (const kind of ["pointerover", "focusin"]) document.addEventListener(kind, light);
  document.documentElement.addEventListener("pointerleave", light);
  watch(["slot"], () => markChosen(document));
}
