// Marking what is about the chosen node, and about what the pointer or the focus is on, in every graph, chart and
// listing. What is about slots says so: data-of="3 7".
import { view, watch } from "./view.js";

function mark(look, slots) {
  for (const item of document.querySelectorAll("[data-of]"))
    item.classList.toggle(look, item.dataset.of.split(" ").some((slot) => slots.has(slot)));
}
export const markChosen = () => mark("on", new Set([String(view.slot)]));

let lit = "";
function light(event) {
  const item = event.target.closest ? event.target.closest("[data-of]") : null;
  const of = item && event.type !== "pointerleave" ? item.dataset.of : "";
  if (of === lit) return;
  lit = of;
  mark("lit", new Set(of ? of.split(" ") : []));
}
export function beginMarks() {
  for (const kind of ["pointerover", "focusin"]) document.addEventListener(kind, light);
  document.documentElement.addEventListener("pointerleave", light);
  watch(["slot"], markChosen);
}
