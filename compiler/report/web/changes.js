// What the chosen stage did and refused, in words, alike ones together, each with links to its nodes.
import { D, T } from "./data.js";
import { $, el } from "./elements.js";
import { micro } from "./numbers.js";
import { choose, nameOf, view, watch } from "./view.js";

const SHOWN = 12;

export const link = (slot, text) =>
  el("button", { type: "button", class: "link name", "data-go": slot, "data-of": slot, onclick: () => choose(slot) },
    text || nameOf(slot));

export const badgeOf = (code) =>
  (code >= 0 ? el("span", { class: "badge", title: T[code] }, T[code].split(":")[0]) : null);

function said([code, sentence, ...times]) {
  const slots = [...new Set(times.map((group) => group[0]).filter((slot) => slot !== undefined))];
  const more = el("span", {}, slots.length > SHOWN ? [" ", el("button", { type: "button", class: "link",
    onclick: () => more.replaceChildren(...links(slots.slice(SHOWN))) }, `and ${slots.length - SHOWN} more`)] : []);
  return el("li", {}, badgeOf(code), code >= 0 ? " " : null, T[sentence],
    times.length > 1 ? el("b", {}, ` × ${times.length}`) : null, slots.length ? ":" : "", links(slots.slice(0, SHOWN)), more);
}
const links = (slots) => slots.flatMap((slot) => [" ", link(slot)]);
const list = (items) => el("ul", { class: "plain" }, items.map(said));

function draw() {
  const stage = D.stages[view.stage], parts = [el("h2", {}, `What ${stage.name} did`)];
  if (!stage.did) {
    parts[0].textContent = stage.kind === "source" ? "The graph as it was built" : "The kernels";
    parts.push(el("p", {}, stage.kind === "source" ? "Nothing has happened yet: move the slider to see what each pass does."
      : "These are the kernels as they run. Each hull is one kernel; a line joins its nodes."));
  } else {
    if (!stage.exact) parts.push(el("p", {}, "This pass kept no account of its nodes: what became which is a guess."));
    if (!stage.did.length && !stage.refused.length) parts.push(el("p", {}, "Nothing: it found nothing to do."));
    parts.push(list(stage.did));
    if (stage.refused.length) parts.push(el("h3", {}, "Left alone, and why"), list(stage.refused));
    parts.push(el("p", { class: "axis-text" }, micro(stage.seconds * 1e6) + " at compile time"));
  }
  $("changes").replaceChildren(...parts);
}
export function beginChanges() {
  watch(["stage"], draw);
  draw();
}
