// Two graphs side by side over one outline: they fold together, scroll together, and mark what is the same.
import { el } from "./elements.js";
import { Graph } from "./graph.js";

export function pairOf(holder, scenes) {
  const panes = scenes.map(({ name }) => el("div", { class: "pane", tabindex: 0, "data-side": name,
    "aria-label": `Graph, ${name}: arrows go along it, Enter opens a part` }));
  holder.replaceChildren(...scenes.map(({ name, title }, side) =>
    el("div", { class: "side" }, el("h3", {}, title || name), panes[side])));
  const found = scenes.map(({ scene }, side) => new Graph(panes[side], scene));
  panes.forEach((pane, side) => pane.addEventListener("scroll", () => {
    const other = panes[1 - side];
    if (other.scrollTop !== pane.scrollTop) other.scrollTop = pane.scrollTop;
    if (other.scrollLeft !== pane.scrollLeft) other.scrollLeft = pane.scrollLeft;
  }));
  return found;
}
