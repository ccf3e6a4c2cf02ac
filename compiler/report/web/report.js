// The page of a report. Everything that it shows is in the element #data; nothing is loaded, nothing is laid out.
import { $, el } from "./elements.js";
import { beginChanges } from "./changes.js";
import { beginCode } from "./code.js";
import { beginFusion } from "./fusion.js";
import { beginKeys, showKeys, theme } from "./keys.js";
import { beginMachine, machine } from "./machine.js";
import { beginMarks } from "./marks.js";
import { beginMemory } from "./memory.js";
import { beginNode } from "./node.js";
import { beginSearch } from "./search.js";
import { beginSlider } from "./slider.js";
import { beginSummary } from "./summary.js";
import { beginTabs, showTab } from "./tabs.js";
import { beginTime } from "./time.js";
import { graphs, isNarrow } from "./graph.js";
import { everything, openSome, view, watch } from "./view.js";

const TABS = ["Graph", "Changes", "Node", "Memory", "Time", "Fusion", "Code"];
const KEYS = [["← →", "stage before, stage after (with the slider or nothing in focus)"], ["/", "search"],
  ["↑ ↓", "in a graph: the box above, below"], ["← →", "in a graph: the box to the left, right"],
  ["Enter", "in a graph: open or close the part of the chosen node; in a table: go there"],
  ["← →", "in the memory chart: the kernel before, after"],
  ["+ −", "open, close every part"], ["0", "as wide as the page"], ["Esc", "let go of the node"],
  ["d", "light or dark"], ["?", "this list"]];
const ROLES = ["forward", "backward", "update", "parameter", "input"];

function begin() {
  if (window.matchMedia("(prefers-color-scheme: dark)").matches) document.documentElement.dataset.theme = "dark";
  $("title").textContent = document.title;
  $("legend").append(...ROLES.map((kind) =>
    el("span", {}, el("i", { style: `background:var(--${kind});border-color:var(--${kind}-line)` }), kind)),
  el("span", { title: "Longer arrows show when one of their ends is chosen" }, "arrows: up to 9 lines"));
  openSome(70);
  beginTabs(TABS);
  for (const part of [beginSummary, beginSlider, beginMachine, beginChanges, beginCode, beginNode, beginMemory, beginTime,
    beginFusion, beginSearch, beginMarks]) part();
  beginKeys(KEYS);
  const act = { theme, help: showKeys, fit: () => machine.fit(), unfold: () => everything(true), fold: () => everything(false),
    closer: () => machine.zoomTo(machine.zoom * 1.25), farther: () => machine.zoomTo(machine.zoom / 1.25) };
  for (const [id, action] of Object.entries(act)) $(id).addEventListener("click", action);
  watch(["slot"], goToMachine);
  window.addEventListener("resize", () => graphs.forEach((graph) => graph.fit()));
}
// What is chosen in a chart is shown in the graph.
function goToMachine() {
  if (view.slot < 0) return;
  if (isNarrow()) {
    if (!["graph", "node", "fusion"].includes(document.body.dataset.tab)) showTab("node");
    return;
  }
  const { top, bottom } = $("machine").getBoundingClientRect();
  const isPair = document.activeElement?.closest("#fusion") || document.querySelector("#fusion:hover");
  if (!isPair && (bottom < 200 || top > window.innerHeight - 200)) $("machine").scrollIntoView({ block: "start" });
}
begin();
