// A graph in a pane: an outline of scopes that fold. Nothing is laid out: x, width and line of every slot come with
// the data, and y follows from which scopes are open. What the boxes say is up to a scene:
//
//   Scene ::= label, isShown(slot), homeOf(slot), box(place), folded(place), arrows(), isDim(head), under(graph)
//
// Several graphs may show one outline: a scene that draws a kernel in the place of one of its slots says homeOf.
import { D } from "./data.js";
import { BOX, LINE, outlineOf } from "./folding.js";
import { svg } from "./elements.js";
import { scopeOfLine, slotsOfLine, slotsOfScope, toggle, view, watch } from "./view.js";
import { markChosen } from "./marks.js";

// With more boxes than MANY only those near the visible part are drawn, and again while it is scrolled.
const MANY = 400, MARGIN = 700, FAR = 9 * LINE;
const ALL = [-Infinity, Infinity];
const WIDTH = Math.max(...D.columns.map((span) => span[1]), 300);
const TITLES = ["forward", "backward", "updates"];
export const isNarrow = () => window.innerWidth <= 900;
export const graphs = new Map();

export class Graph {
  constructor(pane, scene) {
    Object.assign(this, { pane, scene, zoom: 1, where: new Map(), boxes: [], part: ALL, folded: -1 });
    pane.addEventListener("scroll", () => this.scrolled());
    watch(["open"], () => this.draw());
    watch(["slot"], () => this.chosen());
    graphs.set(pane, this);
  }

  draw() {
    const { items, frames, height } = outlineOf(D.scopes, scopeOfLine, view.open);
    this.opened = view.open.size;
    this.where = new Map();
    this.boxes = items.flatMap((item) => (item.line === undefined ? this.foldedAt(item) : this.boxesAt(item)));
    const { pane } = this, at = [pane.scrollLeft, pane.scrollTop];
    this.part = this.boxes.length <= MANY ? ALL
      : [at[1] / this.zoom - MARGIN, (at[1] + pane.clientHeight) / this.zoom + MARGIN];
    this.overlay = svg("g", {});
    const root = svg("svg", {
      viewBox: `-10 -6 ${WIDTH + 20} ${height + 12}`, width: (WIDTH + 20) * this.zoom,
      height: (height + 12) * this.zoom, role: "img", "aria-label": this.scene.label(),
    }, titles(height), frames.filter((frame) => this.isNear(frame.top, frame.bottom)).map(drawFrame),
    this.scene.under(this), this.arrows(), this.overlay,
    this.boxes.filter((box) => this.isNear(box.y)).map((box) => this.drawBox(box)));
    pane.replaceChildren(root);
    [pane.scrollLeft, pane.scrollTop] = at;
    this.chosen();
    markChosen(pane);
  }
  drawBox(box) {
    return box.slot === undefined ? this.scene.folded(box) : this.scene.box(box);
  }
  boxesAt({ line, y }) {
    return slotsOfLine[line].flatMap((slot) => {
      if (!this.scene.isShown(slot)) return [];
      const [column, x, width] = D.slots[slot].at, box = { slot, column, x, y, width };
      this.where.set(slot, box);
      return [box];
    });
  }
  foldedAt({ scope, y }) {
    const parts = D.columns.map(([left, right], column) => ({
      scope, column, y, x: (left + right) / 2, width: Math.min(250, Math.max(right - left, 120)), slots: [],
    }));
    for (const slot of slotsOfScope[scope]) {
      const part = parts[D.slots[slot].at[0]];
      part.slots.push(slot);
      this.where.set(slot, part);
    }
    return parts.filter((part) => part.slots.some((slot) => this.scene.isShown(slot)));
  }
  isNear(...ends) {
    return Math.max(...ends) >= this.part[0] && Math.min(...ends) <= this.part[1];
  }
  placeOf(slot) {
    return this.where.get(this.scene.homeOf(slot));
  }

  // Arrows to what is far are shown for the chosen node only: see `chosen`.
  arrows() {
    const group = svg("g", {}), seen = new Set();
    for (const [tail, head, kind] of this.scene.arrows()) {
      const from = this.placeOf(tail), to = this.placeOf(head);
      if (!from || !to || from === to || !this.isNear(from.y, to.y)) continue;
      const isFar = Math.abs(from.y - to.y) > FAR;
      if (isFar && from.slot !== undefined && to.slot !== undefined) continue;
      const key = `${from.x},${from.y},${to.x},${to.y}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const isDim = kind === "" && this.scene.isDim(head);
      group.append(svg("path", { class: `edge ${kind} ${isDim ? "dim" : ""} ${isFar ? "far" : ""}`, d: curve(from, to) }));
    }
    return group;
  }
  // Marks the chosen node, what it reads and who reads it, with arrows however long.
  chosen() {
    if (this.opened !== view.open.size) return this.draw();
    const home = view.slot < 0 ? -1 : this.scene.homeOf(view.slot), near = new Set();
    this.overlay.replaceChildren();
    for (const [tail, head] of view.slot < 0 ? [] : this.scene.arrows()) {
      const ends = [this.scene.homeOf(tail), this.scene.homeOf(head)];
      if (!ends.includes(home)) continue;
      ends.forEach((end) => near.add(end));
      const from = this.where.get(ends[0]), to = this.where.get(ends[1]);
      if (from && to && from !== to) this.overlay.append(svg("path", { class: "edge on", d: curve(from, to) }));
    }
    near.delete(home);
    for (const box of this.pane.querySelectorAll(".box[data-slot]"))
      box.classList.toggle("near", near.has(Number(box.dataset.slot)));
    return undefined;
  }
  scrolled() {
    const top = this.pane.scrollTop / this.zoom, bottom = top + this.pane.clientHeight / this.zoom;
    if (top < this.part[0] || bottom > this.part[1]) this.draw();
  }
  // Scrolls so far that a slot is seen; a sheet may cover the lower part.
  reveal(slot, seen = 1) {
    const box = this.placeOf(slot), { pane } = this;
    if (!box) return;
    const [x, y] = [(box.x + 10) * this.zoom, (box.y + 6) * this.zoom], tall = pane.clientHeight * seen;
    if (x < pane.scrollLeft + 30 || x > pane.scrollLeft + pane.clientWidth - 30) pane.scrollLeft = x - pane.clientWidth / 2;
    if (y < pane.scrollTop + 30 || y > pane.scrollTop + tall - 30) pane.scrollTop = y - tall / 2;
    this.scrolled();
  }
  zoomTo(factor) {
    this.zoom = Math.min(Math.max(factor, 0.05), 4);
    this.draw();
  }
  fit() {
    const widest = Math.max(...D.columns.map(([left, right]) => right - left), 120);
    this.zoomTo(Math.min((this.pane.clientWidth - 4) / (isNarrow() ? widest + 30 : WIDTH + 20), 1.25));
  }

  // ---- by keyboard ----
  cursor() {
    return this.boxes.find((box) => (this.folded >= 0 ? box.scope === this.folded : box.slot === view.slot && view.slot >= 0));
  }
  // The box beside the one under the cursor.
  beside(key) {
    const from = this.cursor() || { x: 0, y: -1 };
    const ahead = this.boxes.filter((box) => (key === "ArrowDown" ? box.y > from.y : key === "ArrowUp" ? box.y < from.y
      : box.y === from.y && (key === "ArrowLeft" ? box.x < from.x : box.x > from.x)));
    const far = (box) => Math.abs(box.y - from.y) * 4 + Math.abs(box.x - from.x);
    return ahead.toSorted((a, b) => far(a) - far(b))[0];
  }
  putCursor(scope) {
    this.folded = scope;
    for (const box of this.pane.querySelectorAll("[data-fold]")) {
      const isOn = Number(box.dataset.fold) === scope;
      box.classList.toggle("cursor-box", isOn);
      if (isOn) box.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }
}

function titles(height) {
  return D.columns.flatMap(([left, right], column) => (right - left < 1 ? [] : [
    svg("text", { class: "title", x: (left + right) / 2, y: 12, "text-anchor": "middle" }, TITLES[column]),
    column ? svg("line", { class: "wall", x1: left - 18, x2: left - 18, y1: 0, y2: height }) : null]));
}
function drawFrame({ scope, top, bottom, depth }) {
  const inset = depth * 3;
  return svg("g", {},
    svg("rect", { class: "frame", x: inset - 8, y: top, width: WIDTH + 16 - 2 * inset, height: bottom - top }),
    svg("g", { class: "fold", "data-scope": scope, onclick: () => toggle(scope) },
      svg("text", { x: inset, y: top + 15 }, "▾ " + titleOf(scope))));
}
// `0 … 11 × 12` for scopes that are alike.
export function titleOf(scope) {
  const [name, , , , repeats] = D.scopes[scope];
  return repeats ? `${name}  × ${repeats}` : name;
}
function curve(from, to) {
  if (Math.abs(from.y - to.y) < BOX) {
    const right = to.x > from.x ? 1 : -1;
    const [a, b] = [from.x + (right * from.width) / 2, to.x - (right * to.width) / 2], bend = (b - a) / 2;
    return `M${a} ${from.y}C${a + bend} ${from.y - 10} ${b - bend} ${to.y - 10} ${b} ${to.y}`;
  }
  const down = to.y > from.y ? 1 : -1;
  const [a, b] = [from.y + (down * BOX) / 2, to.y - (down * BOX) / 2];
  const bend = Math.max(Math.abs(b - a) / 2, 12) * down;
  return `M${from.x} ${a}C${from.x} ${a + bend} ${to.x} ${b - bend} ${to.x} ${b}`;
}
// A hull: a thick line through boxes, and a rim around each.
export function hull(graph, slots, number) {
  const boxes = [...new Set(slots.map((slot) => graph.where.get(slot)))].filter(Boolean)
    .toSorted((a, b) => a.y - b.y || a.x - b.x);
  if (slots.length < 2 || !boxes.length || (boxes.length < 2 && boxes[0].slots)) return null;
  if (!graph.isNear(...boxes.map((box) => box.y))) return null;
  const color = `hsl(${(number * 137) % 360} 60% 50%)`;
  const rims = boxes.filter((box) => box.slot !== undefined).map((box) =>
    svg("rect", { x: box.x - box.width / 2 - 3, y: box.y - BOX / 2 - 3, width: box.width + 6, height: BOX + 6, rx: 6,
      fill: color, stroke: "none" }));
  return svg("g", { class: "hull", "data-of": slots.join(" "), stroke: color },
    svg("path", { d: boxes.map((box, place) =>
      `${place && box.y - boxes[place - 1].y <= FAR ? "L" : "M"}${box.x} ${box.y}`).join("") }), rims);
}

// A box of a slot, or of several: two lines of text and a sign.
export function boxOf(place, { looks, head, name, what, title, sign, badge, of, act }) {
  const { x, y, width } = place, from = place.slot === undefined ? {} : { "data-slot": place.slot };
  return svg("g", { class: "box " + looks.filter(Boolean).join(" "), ...from,
    "data-of": of ? of.join(" ") : false, "data-fold": place.slot === undefined ? place.scope : false, onclick: act },
  svg("title", {}, title),
  svg("rect", { x: x - width / 2, y: y - BOX / 2, width, height: BOX }),
  svg("text", { class: "head", x, y: y - 3, "text-anchor": "middle" }, head, name ? svg("tspan", {}, " " + name) : null),
  svg("text", { class: "what", x, y: y + 11, "text-anchor": "middle" }, what),
  badge ? svg("text", { class: "badge-sign", x: x - width / 2 + 4, y: y - 4 }, badge) : null,
  sign ? svg("text", { class: "sign", x: x + width / 2 - 10, y: y - 5 }, sign) : null);
}
