// The keyboard alone is enough.
import { D, last } from "./data.js";
import { $, el } from "./elements.js";
import { graphs } from "./graph.js";
import { choose, everything, goto, slotsOfScope, toggle, view } from "./view.js";

const ARROWS = new Set(["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"]);

export function theme() {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
}
export const showKeys = () => $("keys").showModal();
const ANYWHERE = {
  ArrowLeft: () => goto(view.stage - 1), ArrowRight: () => goto(view.stage + 1), Home: () => goto(0), End: () => goto(last),
  "/": () => $("search").focus(), Escape: () => choose(-1), "+": () => everything(true), "=": () => everything(true),
  "-": () => everything(false), 0: () => graphs.forEach((graph) => graph.fit()), d: theme, "?": showKeys,
};

function press(event) {
  const isTyping = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName) || $("keys").open;
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const graph = graphs.get(document.activeElement);
  if (graph && ARROWS.has(event.key)) walk(graph, event.key);
  else if (graph && event.key === "Enter") enter(graph);
  else if (graph && ["Home", "End"].includes(event.key)) return;
  else if (ANYWHERE[event.key]) ANYWHERE[event.key]();
  else return;
  event.preventDefault();
}
function walk(graph, key) {
  const next = graph.beside(key);
  if (!next) return;
  graph.putCursor(next.slot === undefined ? next.scope : -1);
  if (next.slot !== undefined) choose(next.slot);
}
function enter(graph) {
  if (graph.folded >= 0) {
    const [first] = slotsOfScope[graph.folded];
    toggle(graph.folded);
    graph.putCursor(-1);
    choose(first);
  } else if (view.slot >= 0 && D.slots[view.slot].at[4] > 0) {
    const scope = D.slots[view.slot].at[4];
    toggle(scope);
    graph.putCursor(scope);
  }
}
// `keys` says what each does, for who asks.
export function beginKeys(keys) {
  $("keys").append(el("h2", {}, "Keys"), el("dl", {}, keys.flatMap(([key, text]) => [el("dt", {}, key), el("dd", {}, text)])),
    el("p", {}), el("button", { type: "button", onclick: () => $("keys").close() }, "close"));
  document.addEventListener("keydown", press);
}
