// The slider over the stages: a tick a stage, as tall as what it changed.
import { D, SIGNS, kernelsAt, last, marksAt } from "./data.js";
import { $, el } from "./elements.js";
import { counted } from "./numbers.js";
import { goto, view, watch } from "./view.js";

const WORDS = { source: "the graph as it was built", rewrite: "rewriting pass", schedule: "scheduling pass",
  kernels: "what runs, in this order" };

function draw() {
  const ticks = $("ticks"), stage = D.stages[view.stage];
  const values = { valuemin: 0, valuemax: last, valuenow: view.stage, valuetext: stage.name };
  for (const [key, value] of Object.entries(values)) ticks.setAttribute("aria-" + key, value);
  for (const [number, tick] of [...ticks.children].entries()) tick.toggleAttribute("data-now", number === view.stage);
  const counts = { new: 0, changed: 0, gone: 0 }, kernels = kernelsAt(view.stage);
  for (const mark of marksAt[view.stage].values()) counts[mark] += 1;
  $("stage").replaceChildren(el("b", {}, `${view.stage}/${last} ${stage.name}`), ` · ${WORDS[stage.kind]} · `,
    counted(stage.nodes, "node"), kernels ? ` in ${counted(kernels.length, "kernel")}` : "",
    ...Object.entries(counts).filter(([, count]) => count).flatMap(([mark, count]) =>
      [" ", el("span", { class: "badge " + mark }, `${SIGNS[mark]} ${count} ${mark}`)]));
}
function fromPointer(event) {
  const bounds = $("ticks").getBoundingClientRect();
  goto(Math.floor(((event.clientX - bounds.left) / bounds.width) * D.stages.length));
}
export function beginSlider() {
  const most = Math.max(...marksAt.map((marks) => marks.size), 1);
  $("ticks").replaceChildren(...D.stages.map((stage, number) => {
    const count = marksAt[number].size, isEnd = stage.kind === "source" || stage.kind === "kernels";
    return el("div", { class: stage.kind, "data-stage": number, title: `${stage.name}: ${counted(count, "change")}` },
      el("small", {}, isEnd || !count ? "" : count),
      el("i", { style: `height:${isEnd ? 8 : 3 + Math.sqrt(count / most) * 34}px` }),
      el("span", {}, stage.name.replaceAll("_", " ")));
  }));
  $("ticks").addEventListener("pointerdown", (event) => {
    $("ticks").setPointerCapture(event.pointerId);
    fromPointer(event);
  });
  $("ticks").addEventListener("pointermove", (event) => event.buttons && fromPointer(event));
  watch(["stage"], draw);
  draw();
}
