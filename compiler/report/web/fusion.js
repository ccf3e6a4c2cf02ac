// Fused against unfused: what it is worth, and both kernel graphs over one outline. On the right a kernel stands in
// the place of the last of its nodes that it stores; where the others stood nothing is left.
import { D, PARTS, T, arrowsAt, isLeaf, isThere, kernelOf, last, partOf, roleOf, stateOf, updates } from "./data.js";
import { $, el, table } from "./elements.js";
import { boxOf, titleOf } from "./graph.js";
import { counted, cut, micro } from "./numbers.js";
import { pairOf } from "./pair.js";
import { bytes, choose, kernelTitle, toggle, view, watch } from "./view.js";
import { countedIn, wordsOf } from "./boxes.js";

const alone = new Map((D.unfused || []).flatMap(([slots, us]) => slots.map((slot) => [slot, us])));
const homes = D.kernels.map((kernel) => (kernel.stored.length ? kernel.stored : kernel.members).at(-1));
const isShown = (slot) => isThere(slot, last);
const sum = (numbers) => numbers.reduce((total, number) => total + (number || 0), 0);
const time = (us) => (us ? micro(us) : "");

const shared = { isDim: () => false, under: () => [], arrows: () => arrowsAt(last) };
const unfused = {
  ...shared, label: () => "each node alone", isShown, homeOf: (slot) => slot,
  box: (place) => {
    const state = stateOf(place.slot, last), us = alone.get(place.slot);
    return boxOf(place, { looks: [roleOf(place.slot)], of: [place.slot], head: T[state.op], name: cut(state.name, 30), title: state.line,
      what: us ? micro(us) : cut(T[state.short], Math.floor(place.width / 4.6)),
      badge: updates.has(place.slot) ? "↻" : "", act: () => choose(place.slot) });
  },
  folded: (place) => {
    const [count, text] = wordsOf(place.slots, last);
    return foldedBox(place, countedIn(place.scope, count, "op"), sum(place.slots.map((slot) => alone.get(slot))), text);
  },
};
const fused = {
  ...shared, label: () => "kernels",
  isShown: (slot) => isShown(slot) && (isLeaf(slot) || !kernelOf.has(slot) || homes[kernelOf.get(slot)] === slot),
  homeOf: (slot) => (kernelOf.has(slot) ? homes[kernelOf.get(slot)] : slot),
  box: (place) => (kernelOf.has(place.slot) ? kernelBox(place, kernelOf.get(place.slot)) : unfused.box(place)),
  folded: (place) => {
    const found = place.slots.filter((slot) => kernelOf.has(slot) && homes[kernelOf.get(slot)] === slot).map((slot) => kernelOf.get(slot));
    return foldedBox(place, countedIn(place.scope, found.length, "kernel"), sum(found.map((number) => D.kernels[number].us)),
      found.map(kernelTitle).join("; "), found.flatMap((number) => D.kernels[number].members));
  },
};
function foldedBox(place, what, us, title, slots = place.slots) {
  return boxOf(place, { looks: [PARTS[place.column]], of: [...new Set([...place.slots, ...slots])], title,
    head: `▸ ${titleOf(place.scope)}:`, name: what, what: time(us), act: () => toggle(place.scope) });
}
function kernelBox(place, number) {
  const { members, us } = D.kernels[number], parts = new Set(members.map(partOf)), room = Math.floor(place.width / 4.8);
  const words = members.map((slot) => T[stateOf(slot, last).op]).join(", ");
  const said = [members.length > 1 ? `${members.length} nodes` : "", time(us)].filter(Boolean), isWide = place.width > 150;
  const both = parts.size > 1 ? `, ${[...parts].join(" and ")}` : "";
  return boxOf(place, { looks: [partOf(place.slot), "kernel", parts.size > 1 ? "mixed" : ""], of: members,
    head: `kernel ${number}`, name: isWide ? said.join(", ") : "", what: isWide || !us ? cut(words, room) : said.at(-1), title: `${kernelTitle(number)}${both}`, act: () => choose(place.slot) });
}
function comparison() {
  const { measured } = D;
  if (!measured) {
    return [el("p", {}, `Each of ${counted(kernelOf.size, "node")} alone, on the left, and the ${counted(D.kernels.length, "kernel")} `
      + "that they became, on the right. With data=... both are timed.")];
  }
  const most = Math.max(measured.call, measured.unfused_call);
  const row = (label, us, count, size) => el("tr", {}, el("td", {}, label), el("td", {}, micro(us)),
    el("td", {}, count), el("td", {}, bytes(size)),
    el("td", { style: "width:40%" }, el("i", { class: "bar", style: `width:${(us / most) * 100}%` })));
  const times = measured.unfused_call / measured.call;
  return [table(["", "a call", "kernels", "slab", ""], [
    row("each node alone", measured.unfused_call, measured.unfused_kernels, measured.unfused_peak),
    row("as compiled", measured.call, D.kernels.length, D.memory.peak)]),
  el("p", {}, times >= 1 ? `Fused it is ${times.toFixed(2)} times as fast.` : `Fused it takes ${(1 / times).toFixed(2)} times as long.`,
    " In the graphs below a node on the left and its kernel on the right are marked together.")];
}
export function beginFusion() {
  const holder = el("div", { class: "pair", id: "pair" });
  const tools = [["−", 0.8, "Farther"], ["+", 1.25, "Nearer"]];
  let both = [];
  $("fusion").replaceChildren(el("h2", {}, "Fused against unfused"), ...comparison(),
    el("div", { class: "tools" }, tools.map(([text, factor, title]) => el("button", { type: "button", title,
      onclick: () => both.forEach((graph) => graph.zoomTo(graph.zoom * factor)) }, text)),
    el("button", { type: "button", title: "As wide as the page", onclick: () => both.forEach((graph) => graph.fit()) }, "fit")), holder);
  both = pairOf(holder, [
    { name: "unfused", title: `Each node alone: ${counted(alone.size || kernelOf.size, "kernel")}`, scene: unfused },
    { name: "fused", title: `As compiled: ${counted(D.kernels.length, "kernel")}`, scene: fused }]);
  watch(["slot"], () => view.slot >= 0 && both.forEach((graph) => graph.reveal(view.slot)));
  document.addEventListener("tab", () => document.body.dataset.tab === "fusion" && both.forEach((graph) => graph.fit()));
  both.forEach((graph) => graph.fit());
}
