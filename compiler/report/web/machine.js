// The time machine's graph: every slot at the chosen stage, what is new, changed or gone by sign and colour.
import { D, PARTS, SIGNS, arrowsAt, kernelsAt, marksAt, roleOf, standing } from "./data.js";
import { $ } from "./elements.js";
import { Graph, boxOf, hull, isNarrow, titleOf } from "./graph.js";
import { cut } from "./numbers.js";
import { countedIn, drawSlot, wordsOf } from "./boxes.js";
import { toggle, view, watch } from "./view.js";
import { pathOf } from "./folding.js";

const scene = {
  label: () => "graph at stage " + D.stages[view.stage].name,
  isShown: () => true,
  homeOf: (slot) => slot,
  arrows: () => arrowsAt(view.stage),
  isDim: (head) => marksAt[view.stage].size > 0 && !marksAt[view.stage].has(head),
  under: (graph) => (["source", "rewrite"].includes(D.stages[view.stage].kind) ? []
    : kernelsAt(view.stage).map((members, number) => hull(graph, members, number))),
  box: (place) => drawSlot(place, view.stage, marksAt[view.stage]),
  folded: drawFolded,
};
export const machine = new Graph($("pane"), scene);

function drawFolded(place) {
  const [count, text] = wordsOf(place.slots, view.stage), marks = marksAt[view.stage];
  const found = new Set(place.slots.map((slot) => marks.get(slot)).filter(Boolean));
  return boxOf(place, {
    looks: [PARTS[place.column], found.size ? "changed" : marks.size ? "dim" : ""],
    of: place.slots, head: `▸ ${titleOf(place.scope)}:`, name: countedIn(place.scope, count, "op"),
    title: `${pathOf(D.scopes, place.scope)}: ${text}`, what: cut(text, Math.floor(place.width / 5.4)),
    sign: [...found].map((mark) => SIGNS[mark]).join(""), act: () => toggle(place.scope),
  });
}

// ---- what is merged fades into its twin, what is born comes up where it stands ----
const STILL = window.matchMedia("(prefers-reduced-motion: reduce)");
const SPAN = { duration: 650, easing: "ease-in-out" };

function move() {
  if (STILL.matches || view.before === undefined || Math.abs(view.before - view.stage) !== 1) return;
  const isForward = view.stage > view.before;
  const stage = Math.max(view.stage, view.before);
  for (const [slot, mark] of marksAt[stage]) {
    const box = machine.where.get(slot);
    if (!box || box.slot === undefined) continue;
    if (mark === "gone") fade(slot, box, stage, isForward);
    else if (mark === "new" && isForward) boxElement(slot)?.animate([{ opacity: 0 }, { opacity: 1 }], SPAN);
  }
}
const boxElement = (slot) => machine.pane.querySelector(`.box[data-slot="${slot}"]`);

// A copy of the box goes over to its twin, or stays where it is if it has none, and is gone; or comes back.
function fade(slot, box, stage, isForward) {
  const twin = D.slots[slot].gone[1] >= 0 ? machine.placeOf(standing(slot, stage)) : null, element = boxElement(slot);
  if (!element || !machine.isNear(box.y)) return;
  const ghost = element.cloneNode(true);
  for (const key of ["data-slot", "data-of"]) ghost.removeAttribute(key);
  ghost.setAttribute("class", "box ghost " + roleOf(slot));
  ghost.dataset.ghost = slot;
  element.parentNode.append(ghost);
  const there = twin ? `translate(${twin.x - box.x}px, ${twin.y - box.y}px)` : "none";
  const frames = [{ transform: "none", opacity: 0.9 }, { transform: there, opacity: 0 }];
  ghost.animate(isForward ? frames : frames.toReversed(), { ...SPAN, fill: "both" }).finished
    .then(() => ghost.remove(), () => ghost.remove());
}

// ---- beginning ----
export function beginMachine() {
  watch(["stage"], () => {
    machine.draw();
    move();
  });
  watch(["slot"], () => {
    if (view.slot < 0) return;
    const isSheet = isNarrow() && document.body.dataset.tab === "graph";
    if (isSheet) $("stand").scrollIntoView({ block: "start" });
    machine.reveal(view.slot, isSheet ? 0.4 : 1);
  });
  machine.fit();
}
