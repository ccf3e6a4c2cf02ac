// Search by name, op, scope and line.
import { D, T, byName, last, stateOf } from "./data.js";
import { $, el } from "./elements.js";
import { choose, pathOfSlot } from "./view.js";

const MOST = 40;
const index = D.slots.map((slot, number) => {
  const words = slot.states.flatMap((state) => [state.name, T[state.op],
    state.source ? T[state.source[0]] + " " + T[state.source[1]] : ""]);
  return [...words, pathOfSlot(number)].join(" ").toLowerCase();
});
let hits = [], picked = 0;

function search(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  hits = !words.length ? [] : [...index.keys()].filter((slot) => words.every((word) => index[slot].includes(word)));
  const exact = byName.get(text) ?? byName.get("%" + text);
  if (exact !== undefined) hits = [exact, ...hits.filter((slot) => slot !== exact)];
  hits = hits.slice(0, MOST);
  picked = 0;
  draw();
}
function draw() {
  const list = $("found"), field = $("search");
  list.hidden = !hits.length && !field.value;
  field.setAttribute("aria-expanded", String(!list.hidden));
  field.setAttribute("aria-activedescendant", hits.length ? "hit-" + picked : "");
  list.replaceChildren(...hits.map((slot, place) => {
    const state = stateOf(slot, last);
    return el("li", { role: "option", id: "hit-" + place, "aria-selected": String(place === picked), "data-hit": slot,
      onclick: () => take(place) },
    el("b", {}, T[state.op]), ` ${state.name} `, el("span", { class: "axis-text" }, `${T[state.type]} ${pathOfSlot(slot)}`));
  }));
  if (!hits.length && !list.hidden) list.append(el("li", {}, "Nothing is called so."));
}
function take(place) {
  const slot = hits[place];
  hits = [];
  $("search").value = "";
  draw();
  if (slot === undefined) return;
  choose(slot);
  $("node").focus();
}
function press(event) {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    picked = Math.min(Math.max(picked + (event.key === "ArrowDown" ? 1 : -1), 0), Math.max(hits.length - 1, 0));
    draw();
    $("found").children[picked]?.scrollIntoView({ block: "nearest" });
  } else if (event.key === "Enter") take(picked);
  else if (event.key === "Escape") {
    event.target.value = "";
    search("");
    event.target.blur();
  } else return;
  event.preventDefault();
}
export function beginSearch() {
  $("search").addEventListener("input", (event) => search(event.target.value));
  $("search").addEventListener("keydown", press);
}
