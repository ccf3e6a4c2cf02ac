// Memory and time over the kernels, which both strips share: the slab as rectangles, and below it what each kernel
// takes; the kernel that is looked at, at first the one at which the slab is fullest, and who is in it.
import { D, last } from "./data.js";
import { $, el, legend, svg, table } from "./elements.js";
import { link } from "./changes.js";
import { markChosen } from "./marks.js";
import { micro, scaled, ticks } from "./numbers.js";
import { bytes, choose, kernelTitle, nameOf, polynomial, polynomialText, resize, view, watch } from "./view.js";

const CLASSES = { "saved for backward": "saved", temporaries: "temporary", outputs: "output", "swapped parameters": "swap" };
const classOf = (kind) => CLASSES[D.memory.kinds[kind][0]] || D.memory.kinds[kind][0];
const isInSlab = (item) => D.memory.kinds[item[1]][1];
// Charts are a thousand units wide and so many high: browsers clip what is at hundreds of millions.
const STEP = 1000, SLAB = 240, STRIP = 96, SHOWN = 12;
const count = Math.max(D.kernels.length, 1);
const x = (kernel) => (Math.max(kernel, 0) / count) * STEP;
let at = -1;

// As compiler.schedule.memory.Memory.at: bytes of the slab in use at each kernel, and the first fullest one.
function usage() {
  const live = Array.from({ length: count + 1 }, () => 0);
  for (const [, kind, size, first, end] of D.memory.holders) {
    if (!D.memory.kinds[kind][1] || end < first) continue;
    live[Math.max(first, 0)] += polynomial(size);
    live[end + 1] -= polynomial(size);
  }
  let now = 0;
  const used = live.slice(0, count).map((change) => (now += change));
  return { used, fullest: used.indexOf(Math.max(...used)) };
}
const heldAt = (kernel) => D.memory.holders
  .filter((item) => !isInSlab(item) || (item[3] <= kernel && kernel <= item[4]))
  .toSorted((a, b) => polynomial(b[2]) - polynomial(a[2]));

function draw() {
  const peak = polynomial(D.memory.peak), total = polynomial(D.memory.total), { used, fullest } = usage();
  const kernel = at < 0 ? fullest : at;
  $("slab").replaceChildren(slab(peak, kernel, fullest), axis(kernel), strip(kernel));
  $("peak").textContent = `${scaled(peak, "B")} slab (${peak.toLocaleString("en")} B), ${scaled(total, "B")} for a whole call`;
  $("peak").dataset.bytes = peak;
  $("peak").dataset.total = total;
  moment(kernel, fullest, used[kernel], total);
  markChosen($("memory"));
}
const chart = (height, label, ...children) => svg("svg", { class: "chart", viewBox: `0 0 ${STEP} ${height}`,
  preserveAspectRatio: "none", height, role: "img", "aria-label": label }, ...children);
const band = (kernel, height, look) =>
  svg("rect", { class: look, x: x(kernel), width: Math.max(STEP / count, 2), y: 0, height });

function slab(peak, kernel, fullest) {
  const scale = SLAB / (peak || 1), y = (offset) => SLAB - offset * scale, places = new Map();
  const shown = chart(SLAB, "the slab over time", band(fullest, SLAB, "peak-band"), band(kernel, SLAB, "cursor"));
  for (const item of D.memory.holders) {
    const [slot, kind, size, first, end, offset] = item;
    if (offset < 0 || end < first) continue;
    const tall = polynomial(size), top = polynomial(offset) + tall;
    places.set(slot, item);
    shown.append(svg("rect", {
      class: "holder " + classOf(kind), "data-of": slot, "data-holder": slot, onclick: () => choose(slot),
      x: x(first), width: Math.max(x(end + 1) - x(first), 1), y: y(top), height: Math.max(tall * scale, 0.5),
    }, svg("title", {}, `${nameOf(slot, last)}: ${bytes(size)}, kernel ${first} to ${end}, ${D.memory.kinds[kind][0]}`)));
  }
  for (const [result, operand] of D.kernels.flatMap((item) => item.in_place)) {
    const one = places.get(result), two = places.get(operand);
    if (!one || !two || one[5] !== two[5]) continue;
    shown.append(svg("rect", { class: classOf(one[1]), x: Math.max(x(one[3]) - 2, 0), width: 4, "data-joined": result,
      y: y(polynomial(one[5]) + polynomial(one[2])), height: polynomial(one[2]) * scale }));
  }
  return el("div", { class: "plot" }, el("span", { class: "axis-text top" }, scaled(peak, "B")),
    el("span", { class: "axis-text peak-mark", style: `left:${((fullest + 0.5) / count) * 100}%` }, "▾ peak"), shown);
}
// The kernels' numbers, between the two strips.
function axis(kernel) {
  const label = (number, look) => svg("text", { class: look, x: `${((number + 0.5) / count) * 100}%`, y: 12,
    "text-anchor": number * 20 < count ? "start" : number * 20 > count * 19 ? "end" : "middle" }, number);
  const far = ticks(count).filter((number) => Math.abs(number - kernel) / count > 0.03);
  return svg("svg", { class: "chart kernel-axis", height: 16, role: "img", "aria-label": "kernels" },
    far.map((number) => label(number, "axis-text")), label(kernel, "axis-now"));
}
const costOf = (kernel) => kernel.us ?? polynomial(kernel.cost[1]) + polynomial(kernel.cost[2]);

function strip(kernel) {
  const most = Math.max(...D.kernels.map(costOf), 1e-9);
  const bars = D.kernels.map((item, number) => {
    const tall = Math.max((costOf(item) / most) * STRIP, 0.5), act = () => lookAt(number);
    return svg("g", { class: "bar-of", "data-of": item.members.join(" "), "data-kernel": number, onclick: act },
      svg("title", {}, `${kernelTitle(number)}, ${costText(item)}`),
      svg("rect", { class: "reach", x: x(number), y: 0, width: STEP / count, height: STRIP }),
      svg("rect", { class: "spent", x: x(number) + STEP / count / 16, y: STRIP - tall, width: (STEP / count) * 0.875, height: tall }));
  });
  return el("div", { class: "plot" }, el("span", { class: "axis-text top" }, D.measured ? micro(most) : scaled(most, "B")),
    chart(STRIP, D.measured ? "time of each kernel" : "bytes that each kernel moves", band(kernel, STRIP, "cursor"), bars));
}
const costText = (item) => (item.us === undefined ? scaled(costOf(item), "B") + " moved" : micro(item.us));

// Looks at a kernel: who is in the slab while it runs.
function lookAt(kernel) {
  at = Math.min(Math.max(kernel, -1), D.kernels.length - 1);
  draw();
}
function press(event) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step) lookAt(Math.max((at < 0 ? usage().fullest : at) + step, 0));
  else if (event.key === "Home") lookAt(0);
  else if (event.key === "End") lookAt(D.kernels.length - 1);
  else if (event.key === "Escape" && at >= 0) lookAt(-1);
  else if (event.key === "Enter" && D.kernels.length) choose(D.kernels[at < 0 ? usage().fullest : at].members[0]);
  else return;
  event.preventDefault();
  event.stopPropagation();
}
function moment(kernel, fullest, used, total) {
  const held = heldAt(kernel), rows = held.filter((item) => polynomial(item[2]) > 0).slice(0, SHOWN).map(([slot, kind, size]) =>
    el("tr", { "data-of": slot }, el("td", {}, link(slot, nameOf(slot, last))), el("td", {}, D.memory.kinds[kind][0]),
      el("td", {}, bytes(size)), el("td", {}, ((polynomial(size) / (total || 1)) * 100).toFixed(1) + " %")));
  const back = el("button", { type: "button", class: "link", id: "to-peak", onclick: () => lookAt(-1) }, "back to the peak");
  const { in_place_saves: saves, unshared } = D.memory;
  $("moment").replaceChildren(
    el("h3", {}, kernel === fullest ? `At its fullest: kernel ${kernel}` : `At kernel ${kernel}`,
      ` (${scaled(used || 0, "B")} of the slab) `, kernel === fullest ? null : back),
    kindsBar(held),
    table(["value", "kind", "bytes", "share"], rows),
    held.length > SHOWN ? el("p", { class: "axis-text" }, `and ${held.length - SHOWN} more`) : "",
    el("p", { class: "axis-text" }, `In place saves ${bytes(saves)}; without sharing the slab would take ${bytes(unshared)}. `
      + `The slab is ${polynomialText(D.memory.peak)} B.`));
}
// All bytes of a call at one kernel, by what they are held for.
function kindsBar(held) {
  const sums = new Map();
  for (const [, kind, size] of held) sums.set(kind, (sums.get(kind) || 0) + polynomial(size));
  const total = [...sums.values()].reduce((sum, size) => sum + size, 0) || 1;
  const shown = [...sums].filter(([, size]) => size > 0).toSorted((a, b) => b[1] - a[1]);
  let left = 0;
  const bars = shown.map(([kind, size]) => {
    const start = left;
    left += (size / total) * STEP;
    return svg("rect", { class: classOf(kind), x: start, width: left - start, height: 20, "data-kind": D.memory.kinds[kind][0],
      "data-size": size }, svg("title", {}, `${D.memory.kinds[kind][0]}: ${scaled(size, "B")}`));
  });
  const bar = chart(20, "bytes by kind", bars);
  bar.setAttribute("height", 16);
  return el("div", {}, bar, legend(shown.map(([kind, size]) => [classOf(kind), `${D.memory.kinds[kind][0]} ${scaled(size, "B")}`])));
}
function sizeOf([name, size]) {
  const number = el("input", { type: "number", min: 1, max: 1e6, value: size, "aria-label": name });
  const range = el("input", { type: "range", min: 1, max: Math.max(1024, size), value: size, "aria-label": name + " slider",
    id: "size-" + name });
  const set = (event) => {
    resize(name, Number(event.target.value));
    for (const field of [number, range]) field.value = view.sizes[name];
  };
  for (const field of [number, range]) field.addEventListener("input", set);
  return el("label", {}, el("b", {}, name + " "), range, " ", number);
}
export function beginMemory() {
  const kinds = [...new Set(D.memory.holders.filter((item) => item[5] >= 0).map((item) => item[1]))];
  const below = D.measured ? "below: time of each kernel" : "below: bytes that each kernel moves";
  $("memory").replaceChildren(
    el("div", { class: "row" }, el("h2", {}, "Memory and time, kernel by kernel"), D.symbols.map(sizeOf), el("span", { id: "peak" })),
    legend([...kinds.map((kind) => [classOf(kind), D.memory.kinds[kind][0]]), ["spent", below]]),
    el("div", { id: "slab", tabindex: 0, onkeydown: press,
      "aria-label": "Slab and time over the kernels: left and right go along them, Enter chooses, Escape goes back to the peak" }),
    el("div", { id: "moment" }));
  watch(["sizes"], draw);
  draw();
}
