// The panel of the chosen node: all that is known of it.
import { D, T, isThere, kernelOf, last, readers, standing, stateOf, updates } from "./data.js";
import { $, el } from "./elements.js";
import { badgeOf, link } from "./changes.js";
import { linesOf, showCode } from "./code.js";
import { micro } from "./numbers.js";
import { bytes, choose, nameOf, pathOfSlot, polynomialText, view, watch } from "./view.js";

const SHOWN = 16;
const code = (text) => el("span", { class: "code" }, text);
const links = (slots) => [...slots.slice(0, SHOWN).flatMap((item) => [link(item), " "]),
  slots.length > SHOWN ? `and ${slots.length - SHOWN} more` : ""];

function maths(number) {
  const holder = el("span");
  holder.innerHTML = T[number]; // made by our own printer, which escapes every name
  return holder;
}
// What passes did with a slot, or refused.
function decisions(slot, kind) {
  const found = [];
  D.stages.forEach((stage) => (stage[kind] || []).forEach(([reason, sentence, ...times]) => {
    const group = times.find((slots) => slots.includes(slot));
    if (!group) return;
    found.push(el("li", {}, el("b", {}, stage.name + ": "), badgeOf(reason), " ", T[sentence],
      group.flatMap((item) => (item === slot ? [] : [" ", link(item)]))));
  }));
  return found;
}
const list = (items) => el("ul", { class: "plain" }, items);

// Each row is a label and what stands beside it.
export function* whatItIs(slot, state, stage = view.stage) {
  yield state.math === undefined ? ["is", code(T[state.op])] : ["formula", maths(state.math)];
  yield ["line", code(state.line)];
  for (const text of state.where || []) yield ["where", code(T[text])];
  yield ["type", code(T[state.type])];
  if (pathOfSlot(slot)) yield ["part", el("button", { type: "button", class: "link", onclick: () => choose(slot) }, pathOfSlot(slot))];
  if (state.source) yield ["from", code(`${T[state.source[0]]}: ${T[state.source[1]]}`)];
  if (state.reads.length) yield ["reads", links(state.reads.map((read) => standing(read, stage)))];
  const users = [...readers[slot]].filter((user) => isThere(user, stage));
  if (users.length) yield ["read by", links(users)];
}
function* howItCame(slot, state) {
  if (state.maker !== undefined) {
    const of = state.of === undefined ? [] : [" from ", link(state.of, nameOf(state.of, Math.max(state.stage - 1, 0)))];
    yield ["made by", [T[state.maker], state.rule === undefined ? "" : `: ${T[state.rule]}`, of].flat()];
  }
  if (updates.has(slot)) yield ["updated", ["to ", link(standing(updates.get(slot), view.stage)), " at the end of a call"]];
  if (state.derivation) yield ["derivation", list(state.derivation.map((text) => el("li", { class: "code" }, T[text])))];
}
function* whereItLives(slot) {
  const data = D.slots[slot];
  if (data.gone) {
    const twin = data.gone[1] >= 0 ? [": it is ", link(standing(slot, last))] : [": not needed"];
    yield ["gone", [`in ${D.stages[data.gone[0]].name}`, ...twin]];
    return;
  }
  if (kernelOf.has(slot)) yield* inKernel(slot, D.kernels[kernelOf.get(slot)]);
  const held = D.memory.holders.filter((item) => item[0] === slot);
  for (const [, kind, size, first, end] of held) {
    const [name, isInSlab] = D.memory.kinds[kind];
    const when = isInSlab ? `kernel ${Math.max(first, 0)} to ${end}, as ${name}: ` : `always, as ${name}: `;
    yield ["lives", [when, bytes(size), el("span", { class: "axis-text" }, ` = ${polynomialText(size)} B`)]];
  }
  if (!held.length && data.place) yield ["lives", [T[data.place[0]], ...(data.place[1] >= 0 ? [" of ", link(data.place[1])] : [])]];
  else if (!held.length && kernelOf.has(slot)) yield ["lives", "in its kernel only"];
  if (data.cost) {
    const [flops, read, written] = data.cost.map(polynomialText);
    yield ["cost", `${flops} flops, ${read} B read, ${written} B written`];
  }
}
function* inKernel(slot, kernel) {
  const number = kernelOf.get(slot), others = kernel.members.filter((item) => item !== slot), lines = linesOf(slot);
  yield ["kernel", [el("button", { type: "button", class: "link", onclick: () => showCode(number, slot) },
    `kernel ${number}` + (lines.length ? `, line ${lines.map((line) => line + 1).join(", ")}` : "")),
  others.length ? [", fused with ", ...links(others)] : ", alone"].flat()];
  const over = kernel.in_place.find(([item]) => item === slot);
  yield ["in place", over ? ["written over ", link(over[1])] : "no"];
  if (kernel.us === undefined) return;
  const own = D.slots[slot].us;
  yield ["time", `${micro(kernel.us)} for its kernel` + (own ? `, ${micro(own)} of it its own` : "")];
}

function draw() {
  const panel = $("node"), { slot } = view;
  document.body.toggleAttribute("data-sheet", slot >= 0);
  if (slot < 0) {
    panel.replaceChildren(el("h2", {}, "Node"),
      el("p", {}, "Choose a node in the graph, or search for one: its formula, line, derivation, kernel, memory and cost."));
    return;
  }
  const state = stateOf(slot, view.stage), rows = [...whatItIs(slot, state), ...howItCame(slot, state), ...whereItLives(slot)];
  for (const [label, kind] of [["changed", "did"], ["not done", "refused"]]) {
    const found = decisions(slot, kind);
    if (found.length) rows.push([label, list(found)]);
  }
  const scroll = panel.dataset.slot === String(slot) ? panel.scrollTop : 0;
  panel.dataset.slot = slot;
  panel.replaceChildren(
    el("div", { class: "row" }, el("h2", {}, `${T[state.op]} `, el("span", { class: "name" }, state.name)),
      el("button", { type: "button", title: "Close (Esc)", onclick: () => choose(-1) }, "✕")),
    el("dl", {}, rows.flatMap(([label, ...content]) => [el("dt", {}, label), el("dd", {}, content.flat())])));
  panel.scrollTop = scroll;
}
export function beginNode() {
  watch(["stage", "slot", "sizes"], draw);
  draw();
}
