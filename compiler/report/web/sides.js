// The page of a difference: two graphs side by side over one outline, what differs, and both texts, all linked.
import { D, PARTS, SIGNS, T, arrowsAt, isThere, stateOf } from "./data.js";
import { $, el } from "./elements.js";
import { countedIn, drawSlot, wordsOf } from "./boxes.js";
import { link } from "./changes.js";
import { whatItIs } from "./node.js";
import { boxOf, graphs, isNarrow, titleOf } from "./graph.js";
import { beginKeys, showKeys, theme } from "./keys.js";
import { beginMarks } from "./marks.js";
import { beginSearch } from "./search.js";
import { beginTabs, showTab } from "./tabs.js";
import { counted, cut } from "./numbers.js";
import { pairOf } from "./pair.js";
import { choose, everything, openSome, toggle, view, watch } from "./view.js";
import { beginText } from "./texts.js";

const LOOKS = { added: "new", removed: "gone" };
const lookOf = (kind) => LOOKS[kind] || "changed";
const touched = [...new Set(D.changes.filter(([, , slot]) => slot >= 0).map(([, , slot]) => slot))]
  .toSorted((a, b) => D.slots[a].at[3] - D.slots[b].at[3] || D.slots[a].at[1] - D.slots[b].at[1]);
const marks = new Map();
for (const [kind, , slot] of D.changes) if (slot >= 0 && !marks.has(slot)) marks.set(slot, lookOf(kind));
const KEYS = [["n p", "next change, the one before"], ["/", "search"], ["↑ ↓ ← →", "in a graph: the next box that way"],
  ["Enter", "in a graph: open or close the part of the chosen node"], ["+ −", "open, close every part"],
  ["0", "as wide as the page"], ["Esc", "let go of the node"], ["d", "light or dark"], ["?", "this list"]];

// ---- both graphs ----
const sceneOf = (stage) => ({
  label: () => D.stages[stage].name,
  isShown: (slot) => isThere(slot, stage),
  homeOf: (slot) => slot,
  arrows: () => arrowsAt(stage).filter(([, , kind]) => kind === ""),
  isDim: (head) => !marks.has(head),
  under: () => [],
  box: (place) => drawSlot(place, stage, marks),
  folded: (place) => {
    const here = place.slots.filter((slot) => isThere(slot, stage)), [count, text] = wordsOf(here, stage);
    const found = new Set(here.map((slot) => marks.get(slot)).filter(Boolean));
    return boxOf(place, { looks: [PARTS[place.column], found.size ? "changed" : "dim"], of: here,
      head: `▸ ${titleOf(place.scope)}:`, name: countedIn(place.scope, count, "op"), title: text,
      what: cut(text, Math.floor(place.width / 5.4)), sign: [...found].map((mark) => SIGNS[mark]).join(""),
      act: () => toggle(place.scope) });
  },
});

// ---- what differs ----
const fact = (value, text) => el("div", {}, el("b", {}, value), el("small", {}, text));

function summarise() {
  const counts = new Map();
  for (const [kind] of D.changes) counts.set(kind, (counts.get(kind) || 0) + 1);
  const how = D.is_guess ? "what both share as such, the rest by what they compute, their names and their neighbours" : "as such";
  $("summary").replaceChildren(
    el("p", {}, D.changes.length ? "" : el("b", {}, "Nothing differs. "), el("b", {}, D.stages[0].name),
      ` has ${counted(D.stages[0].nodes, "node")}, `, el("b", {}, D.stages[1].name), ` ${D.stages[1].nodes}. `,
      `${D.matched} are matched: ${how}.`),
    el("div", { class: "facts" }, [...counts].map(([kind, count]) => fact(count, kind))));
}
function listChanges() {
  const kinds = Map.groupBy(D.changes, ([kind]) => kind);
  $("changes").replaceChildren(el("h2", {}, "What differs"),
    D.changes.length ? "" : el("p", {}, "Nothing."),
    ...[...kinds].flatMap(([kind, items]) => [el("h3", {}, `${kind} (${items.length})`),
      el("ul", { class: "plain" }, items.map(([, sentence, slot]) => el("li", slot < 0 ? {} : { "data-of": slot },
        el("span", { class: "badge " + lookOf(kind) }, SIGNS[lookOf(kind)]), " ",
        slot < 0 ? T[sentence] : link(slot, T[sentence]))))]));
}
// The next change in the order of the lines, or the one before.
function step(by) {
  if (!touched.length) return;
  const at = touched.indexOf(view.slot);
  choose(touched[at < 0 ? (by > 0 ? 0 : touched.length - 1) : (at + by + touched.length) % touched.length]);
}

// ---- a node on both sides ----
function drawNode() {
  const panel = $("node"), { slot } = view;
  document.body.toggleAttribute("data-sheet", slot >= 0);
  if (slot < 0) {
    panel.replaceChildren(el("h2", {}, "Node"), el("p", {}, "Choose a node or a change: what it is on both sides."));
    return;
  }
  const said = D.changes.filter((change) => change[2] === slot).map(([kind, sentence]) =>
    el("li", {}, el("span", { class: "badge " + lookOf(kind) }, kind), " ", T[sentence]));
  const sides = [0, 1].filter((stage) => isThere(slot, stage));
  const isSame = sides.length === 2 && stateOf(slot, 0) === stateOf(slot, 1);
  panel.replaceChildren(
    el("div", { class: "row" }, el("h2", {}, `${T[stateOf(slot, 1).op]} `, el("span", { class: "name" }, stateOf(slot, 1).name)),
      el("button", { type: "button", title: "Close (Esc)", onclick: () => choose(-1) }, "✕")),
    said.length ? el("ul", { class: "plain" }, said) : el("p", {}, "The same on both sides."),
    ...(isSame ? [1] : sides).flatMap((stage) => [isSame ? "" : el("h3", {}, D.stages[stage].name),
      el("dl", {}, [...whatItIs(slot, stateOf(slot, stage), stage)].flatMap(([label, ...content]) =>
        [el("dt", {}, label), el("dd", {}, content.flat())]))]));
}

function begin() {
  if (window.matchMedia("(prefers-color-scheme: dark)").matches) document.documentElement.dataset.theme = "dark";
  $("title").textContent = document.title;
  openSome(70);
  beginTabs(["Graphs", "Changes", "Node", "Text"]);
  const both = pairOf($("pair"), D.stages.map(({ name, nodes }, stage) =>
    ({ name: ["left", "right"][stage], title: `${name}: ${counted(nodes, "node")}`, scene: sceneOf(stage) })));
  for (const part of [summarise, listChanges, drawNode, beginText, beginSearch, beginMarks]) part();
  beginKeys(KEYS);
  watch(["slot"], drawNode);
  watch(["slot"], () => view.slot >= 0 && show(both));
  const all = (act) => () => both.forEach(act);
  const acts = { theme, help: showKeys, before: () => step(-1), after: () => step(1), unfold: () => everything(true),
    fold: () => everything(false), fit: all((graph) => graph.fit()), closer: all((graph) => graph.zoomTo(graph.zoom * 1.25)),
    farther: all((graph) => graph.zoomTo(graph.zoom / 1.25)) };
  for (const [id, act] of Object.entries(acts)) $(id).addEventListener("click", act);
  document.addEventListener("keydown", (event) => {
    if (event.target.tagName === "INPUT" || event.ctrlKey || event.metaKey || !"np".includes(event.key)) return;
    step(event.key === "n" ? 1 : -1);
  });
  document.addEventListener("tab", () => document.body.dataset.tab === "graphs" && both.forEach((graph) => graph.fit()));
  window.addEventListener("resize", () => graphs.forEach((graph) => graph.fit()));
  both.forEach((graph) => graph.fit());
}
function show(both) {
  both.forEach((graph) => graph.reveal(view.slot, isNarrow() ? 0.7 : 1));
  if (isNarrow()) {
    if (!["graphs", "node"].includes(document.body.dataset.tab)) showTab("node");
    else if (document.body.dataset.tab === "graphs") $("graphs").scrollIntoView({ block: "start" });
    return;
  }
  const { top, bottom } = $("graphs").getBoundingClientRect();
  const isText = document.activeElement?.closest("#text, #changes") || document.querySelector("#text:hover");
  if (!isText && (bottom < 200 || top > window.innerHeight - 200)) $("graphs").scrollIntoView({ block: "start" });
}
begin();
