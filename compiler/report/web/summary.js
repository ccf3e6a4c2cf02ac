// What a beginner wants to know first.
import { D } from "./data.js";
import { $, el } from "./elements.js";
import { link } from "./changes.js";
import { counted, micro, scaled } from "./numbers.js";
import { bytes, polynomial, polynomialText, view, watch } from "./view.js";

const SHOWN = 8;
const fact = (value, text) => el("div", {}, el("b", {}, value), el("small", {}, text));

function values(items) {
  if (!items.length) return ["nothing"];
  const shown = items.slice(0, SHOWN).flatMap(([slot, name, type], place) =>
    [place ? ", " : "", link(slot, name || "a value"), el("span", { class: "code" }, ` ${type}`)]);
  return [...shown, items.length > SHOWN ? ` and ${items.length - SHOWN} more` : ""];
}
function draw() {
  const { summary } = D, [count, numbers] = summary.parameters;
  const kind = summary.updates ? "A training step" : summary.ops.backward ? "A function and its gradient" : "A function";
  const ops = Object.values(summary.ops).reduce((sum, number) => sum + number, 0);
  const sizes = D.symbols.map(([name]) => `${name} = ${view.sizes[name]}`).join(", ");
  const parameters = count ? `. It has ${counted(count, "parameter")} of together ${polynomialText(numbers)} numbers` : "";
  const speed = D.measured ? [fact(micro(D.measured.call), `a call, measured on ${summary.backend}`),
    fact((D.measured.unfused_call / D.measured.call).toFixed(2) + " ×", "as fast as unfused")]
    : [fact(scaled(polynomial(summary.flops), "flops"), "a call"), fact(bytes(summary.bytes), "moved by a call")];
  $("summary").replaceChildren(
    el("p", {}, el("b", {}, kind), " that takes ", values(summary.inputs), " and returns ", values(summary.outputs),
      parameters, summary.updates ? `, of which a call updates ${summary.updates}` : "", "."),
    el("div", { class: "facts" },
      fact(`${summary.nodes[0]} → ${summary.nodes[1]}`, "nodes before and after the rewrites"),
      fact(`${ops} → ${summary.kernels}`, "ops before, kernels after"),
      fact(bytes(D.memory.peak), `slab for temporaries${sizes ? ", " + sizes : ""}`),
      fact(bytes(D.memory.total), "memory of a whole call"), ...speed));
}
export function beginSummary() {
  watch(["sizes"], draw);
  draw();
}
