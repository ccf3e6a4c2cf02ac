// Williams, Waterman and Patterson, Roofline (2009): a point a kernel, under what bytes and flops allow.
import { D } from "./data.js";
import { svg } from "./elements.js";
import { micro, scaled } from "./numbers.js";
import { choose, kernelTitle } from "./view.js";

const LOW = -2, HIGH = 3, LEFT = 40, TOP = 16, TALL = 210, DECADES = 4.5;
const log = Math.log10;

// What is small enough lies in a cache, which has a roof of its own.
const bandwidth = (moved) => (D.measured.gigabytes.find(([size]) => moved <= size) || D.measured.gigabytes.at(-1))[1];

export function roofShare(kernel, flops, moved) {
  const least = Math.max(flops / D.measured.gflops, moved / bandwidth(moved)) / 1e3;
  return kernel.us ? ((least / kernel.us) * 100).toFixed(0) + " %" : "";
}
// As wide as it is shown, so that its texts have their size.
export function roofline(sizeOf, width) {
  const wide = width - LEFT - 20;
  const points = D.kernels.map((kernel, number) => {
    const [flops, read, written] = kernel.cost.map(sizeOf);
    return { number, x: flops / (read + written), y: flops / kernel.us / 1e3, us: kernel.us };
  }).filter((point) => point.x > 0 && point.y > 0 && isFinite(point.x) && isFinite(point.y));
  const top = log(Math.max(D.measured.gflops, ...points.map((point) => point.y))) + 0.2;
  const x = (value) => LEFT + ((Math.min(Math.max(log(value), LOW), HIGH) - LOW) / (HIGH - LOW)) * wide;
  const y = (value) => TOP + ((top - Math.max(log(value), top - DECADES)) / DECADES) * TALL;
  const most = Math.max(...points.map((point) => point.us), 1e-9), floor = TOP + TALL;
  return svg("svg", { class: "chart roofline", viewBox: `0 0 ${width} 272`, role: "img", "aria-label": "kernels under the roof" },
    roofs(x, y, LEFT + wide), svg("line", { class: "axis", x1: LEFT, x2: LEFT + wide, y1: floor, y2: floor }),
    [-2, -1, 0, 1, 2, 3].map((power) =>
      svg("text", { class: "axis-text", x: x(10 ** power), y: floor + 16, "text-anchor": "middle" }, String(10 ** power))),
    rates(top, y),
    svg("text", { class: "axis-text", x: width / 2, y: floor + 34, "text-anchor": "middle" }, "flops a byte"),
    points.map((point) => svg("circle", { class: "holder temporary", cx: x(point.x), cy: y(point.y),
      r: 3 + 7 * Math.sqrt(point.us / most), "data-of": D.kernels[point.number].members.join(" "), "data-kernel": point.number,
      onclick: () => choose(D.kernels[point.number].members[0]) },
    svg("title", {}, `${kernelTitle(point.number)}, ${micro(point.us)}: ${Number(point.y.toPrecision(3))} GFLOP/s`))));
}
function roofs(x, y, right) {
  const { gflops, gigabytes } = D.measured;
  return [gigabytes[0], gigabytes.at(-1)].map(([size, rate], place) => svg("g", {},
    svg("path", { class: "roof", d: `M${x(0.01)} ${y(0.01 * rate)}L${x(gflops / rate)} ${y(gflops)}H${x(1000)}` }),
    svg("text", { class: "axis-text", x: x(0.011), y: y(0.011 * rate) + (place ? 16 : -8) }, `${rate} GB/s of ${scaled(size, "B")}`),
    place ? null : svg("text", { class: "axis-text", x: right, y: y(gflops) - 5, "text-anchor": "end" }, `${gflops} GFLOP/s`)));
}
// GFLOP/s on the left, a power of ten each.
function rates(top, y) {
  const powers = [];
  for (let power = Math.floor(top); power > top - DECADES; power--) powers.push(power);
  return powers.map((power) =>
    svg("text", { class: "axis-text", x: LEFT - 5, y: y(10 ** power) + 4, "text-anchor": "end" }, String(Number((10 ** power).toPrecision(1)))));
}
