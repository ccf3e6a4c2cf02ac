// Where the time goes: kernels against the roof of this machine, sums by part of the model and by line.
import { D, T, last, stateOf } from "./data.js";
import { $, el, rowTo, table } from "./elements.js";
import { showCode } from "./code.js";
import { markChosen } from "./marks.js";
import { evaluated, micro, scaled } from "./numbers.js";
import { choose, kernelTitle, pathOfSlot, polynomial, view, watch } from "./view.js";
import { roofShare, roofline } from "./roof.js";

const SHOWN = 40;
const isTimed = D.measured !== null;
const isPredicted = D.kernels.some((kernel) => kernel.predicted);

// With times, costs are those of the sizes that were timed.
const measuredSize = (number) =>
  evaluated(D.polynomials[number], isTimed ? { ...view.sizes, ...D.measured.sizes } : view.sizes);
const rate = (count, us) => (us ? Number((count / us / 1e3).toPrecision(3)).toString() : "");
const share = (part, whole) => ((part / (whole || 1)) * 100).toFixed(1) + " %";

function draw() {
  const parts = [el("h2", {}, "Where the time goes")];
  if (isTimed) {
    const rates = D.measured.gigabytes.map(([size, speed]) => `${speed} GB/s of ${scaled(size, "B")}`).join(", ");
    parts.push(el("p", {}, `A call takes ${micro(D.measured.call)} (median of ${D.measured.calls}); this machine does at best `
      + `${D.measured.gflops} GFLOP/s, and moves ${rates}.`), roofline(measuredSize, Math.min(Math.max(window.innerWidth - 60, 320), 1240)));
  } else {
    parts.push(el("p", {}, "Nothing was timed: program.report(path, data=...) adds times. "
      + "These are the costs, for the sizes chosen under memory."));
  }
  parts.push(kernels(), el("div", { class: "two" }, byPart(), byLine()));
  $("speed").replaceChildren(...parts);
  markChosen($("speed"));
}
function kernels() {
  const weight = (number) => (isTimed ? D.kernels[number].us : D.kernels[number].cost.reduce((sum, item) => sum + polynomial(item), 0));
  const whole = D.kernels.reduce((sum, kernel) => sum + (kernel.us || 0), 0);
  const order = [...D.kernels.keys()].filter((number) => weight(number)).toSorted((a, b) => weight(b) - weight(a));
  const rows = order.slice(0, SHOWN).map((number) => {
    const kernel = D.kernels[number], [flops, read, written] = kernel.cost.map(measuredSize), moved = read + written;
    const predicted = isPredicted ? [kernel.predicted ? `${micro(kernel.predicted[0])}, ${kernel.predicted[1]}` : ""] : [];
    const times = isTimed ? [micro(kernel.us), ...predicted, share(kernel.us, whole)] : [];
    const rates = isTimed ? [rate(flops, kernel.us), rate(moved, kernel.us), roofShare(kernel, flops, moved)] : [];
    return rowTo(() => showCode(number), { "data-of": kernel.members.join(" "), "data-kernel": number },
      [kernelTitle(number), ...times, scaled(flops, ""), scaled(moved, "B"), ...rates]);
  });
  const more = order.length > SHOWN ? el("p", { class: "axis-text" }, `and ${order.length - SHOWN} more, each shorter than these`) : "";
  return el("div", {}, table(["kernel", ...(isTimed ? ["time", ...(isPredicted ? ["predicted, bound"] : []), "share"] : []), "flops", "bytes",
    ...(isTimed ? ["GFLOP/s", "GB/s", "of the roof"] : [])], rows), more);
}

// ---- sums ----
const valueOf = (row) => (isTimed ? row[5] : row.slice(2, 5).reduce((sum, item) => sum + polynomial(item), 0));
const shown = (value) => (isTimed ? micro(value) : scaled(value, ""));
const heads = ["", isTimed ? "time" : "flops + bytes", "share", ""];

function bar(label, value, most, whole) {
  return [label, shown(value), share(value, whole),
    el("td", { style: "width:26%" }, el("i", { class: "bar", style: `width:${(value / most) * 100}%` }))];
}
// A part's time is its own and that of the parts inside it.
function tree() {
  const root = { label: "", path: "", value: 0, inside: new Map() };
  for (const row of D.time.scopes) {
    let at = root;
    at.value += valueOf(row);
    for (const name of T[row[0]].split(".")) {
      if (!at.inside.has(name)) at.inside.set(name, { label: name, path: at.path ? `${at.path}.${name}` : name, value: 0, inside: new Map() });
      at = at.inside.get(name);
      at.value += valueOf(row);
    }
  }
  return root;
}
const openParts = new Set();

function byPart() {
  const root = tree(), rows = [], most = Math.max(...[...root.inside.values()].map((part) => part.value), 1e-9);
  const add = (parts, depth) => {
    for (const part of [...parts.values()].toSorted((a, b) => b.value - a.value)) {
      if (!part.value) continue;
      const sign = !part.inside.size ? "" : openParts.has(part.path) ? "▾ " : "▸ ";
      const label = el("td", { style: `padding-left:${depth * 14}px` }, sign + part.label);
      rows.push(rowTo(() => enter(part), { "data-part": part.path, "data-value": part.value, "data-of": slotsIn(part.path) },
        bar(label, part.value, most, root.value)));
      if (openParts.has(part.path)) add(part.inside, depth + 1);
    }
  };
  add(root.inside, 0);
  return el("div", { id: "parts" }, el("h3", {}, "By part of the model"), table(heads, rows));
}
const isIn = (slot, path) => pathOfSlot(slot) === path || pathOfSlot(slot).startsWith(path + ".");
const slotsIn = (path) => [...D.slots.keys()].filter((slot) => isIn(slot, path)).join(" ") || false;

// Opens a part, or chooses its first node if nothing is inside.
function enter(part) {
  if (!part.inside.size) {
    const slot = [...D.slots.keys()].find((item) => isIn(item, part.path) && D.slots[item].cost);
    if (slot !== undefined) choose(slot);
    return;
  }
  if (!openParts.delete(part.path)) openParts.add(part.path);
  $("parts").replaceWith(byPart());
  $("parts").querySelector(`[data-part="${CSS.escape(part.path)}"]`).focus();
}
function byLine() {
  const slots = new Map();
  D.slots.forEach((slot, number) => {
    const { source } = stateOf(number, last), line = source ? `${T[source[0]]}: ${T[source[1]]}` : "(no line)";
    if (slot.cost) slots.set(line, [...(slots.get(line) || []), number]);
  });
  const sorted = D.time.lines.filter((row) => valueOf(row) > 0).toSorted((a, b) => valueOf(b) - valueOf(a)).slice(0, 30);
  const whole = D.time.lines.reduce((sum, row) => sum + valueOf(row), 0);
  return el("div", { id: "lines" }, el("h3", {}, "By line"), table(heads, sorted.map((row) => {
    const of = slots.get(T[row[0]]) || [];
    return rowTo(() => of.length && choose(of[0]), { "data-of": of.join(" ") || false, "data-line": T[row[0]], "data-value": valueOf(row) },
      bar(el("td", { class: "code" }, T[row[0]]), valueOf(row), valueOf(sorted[0]) || 1, whole));
  })));
}
export function beginTime() {
  watch(["sizes"], draw);
  window.addEventListener("resize", draw);
  draw();
}
