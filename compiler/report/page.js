// The page of a report. Everything that it shows is in the element #data; nothing is loaded, nothing is laid out:
// x, width and line of every slot come with the data, and a line's y follows from which scopes are open.
"use strict";

const D = JSON.parse(document.getElementById("data").textContent);
const T = D.strings;
const LINE = 46, BOX = 34, HEAD = 24, FOOT = 8, EDGE = 8, FAR = 9 * LINE, STEP = 1000;
// With more boxes than MANY only those near the visible part are drawn, and again while it is scrolled.
const MANY = 900, MARGIN = 1200;
const COLUMNS = ["forward", "backward", "updates"];
const view = { stage: D.stages.length - 1, slot: -1, open: new Set(), zoom: 1, sizes: {} };
for (const [name, size] of D.symbols) view.sizes[name] = size;

// ---- making elements ---------------------------------------------------------------------------------------
const $ = (id) => document.getElementById(id);

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}
const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

function maths(number) {
  const holder = el("span");
  holder.innerHTML = T[number]; // made by our own printer, which escapes every name
  return holder;
}

// ---- numbers ---------------------------------------------------------------------------------------------
function polynomial(number) {
  const found = D.polynomials[number];
  if (typeof found === "number") return found;
  let total = 0;
  for (const [coefficient, ...factors] of found) {
    let term = coefficient;
    for (let k = 0; k < factors.length; k += 2) term *= view.sizes[factors[k]] ** factors[k + 1];
    total += term;
  }
  return total;
}
function polynomialText(number) {
  const found = D.polynomials[number];
  if (typeof found === "number") return found.toLocaleString("en");
  const terms = found.map(([coefficient, ...factors]) => {
    const names = [];
    for (let k = 0; k < factors.length; k += 2)
      names.push(factors[k] + (factors[k + 1] > 1 ? "^" + factors[k + 1] : ""));
    return [...(coefficient === 1 && names.length ? [] : [coefficient.toLocaleString("en")]), ...names].join("·");
  });
  return terms.reverse().join(" + ").replaceAll("+ -", "- ");
}
function scaled(count, unit) {
  for (const [prefix, size] of [["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3]])
    if (count >= size) return Number((count / size).toPrecision(3)) + " " + prefix + unit;
  return Number(count.toPrecision(3)) + " " + unit;
}
const bytes = (number) => scaled(polynomial(number), "B");
const micro = (us) => (us >= 1000 ? Number((us / 1000).toPrecision(3)) + " ms" : Number(us.toPrecision(3)) + " µs");
const counted = (count, word) => count + " " + word + (count === 1 ? "" : "s");

// ---- slots ----------------------------------------------------------------------------------------------
const born = (slot) => D.slots[slot].states[0].stage;
const isGone = (slot, stage) => D.slots[slot].gone !== undefined && D.slots[slot].gone[0] <= stage;

function stateOf(slot, stage) {
  const states = D.slots[slot].states;
  let found = states[0];
  for (const state of states) if (state.stage <= stage) found = state;
  return found;
}
function standing(slot, stage) {
  while (isGone(slot, stage) && D.slots[slot].gone[1] >= 0) slot = D.slots[slot].gone[1];
  return slot;
}
const nameOf = (slot, stage = view.stage) => stateOf(slot, stage).name;
const last = D.stages.length - 1;
const kernelOf = new Map();
D.kernels.forEach((kernel, number) => kernel.members.forEach((slot) => kernelOf.set(slot, number)));
const byName = new Map();
D.slots.forEach((slot, number) => slot.states.forEach((state) => byName.set(state.name, number)));
const updates = new Map(D.updates);
const readers = D.slots.map(() => new Set());
D.slots.forEach((slot, number) =>
  slot.states.forEach((state) => state.reads.forEach((read) => readers[read].add(number))));

function kernelsAt(stage) {
  for (; stage >= 0; stage--) if (D.stages[stage].kernels) return D.stages[stage].kernels;
  return null;
}
const marksAt = D.stages.map((stage, number) => changesOf(stage, number));

// What a stage did to which slots: new, changed or gone.
function changesOf(stage, number) {
  const found = new Map();
  if (number === 0 || stage.kind === "kernels") return found;
  if (stage.kind === "schedule") {
    const before = new Map();
    for (const members of (D.stages[number - 1] && kernelsAt(number - 1)) || [])
      for (const slot of members) before.set(slot, members.join());
    for (const members of stage.kernels)
      for (const slot of members)
        if ((before.get(slot) || String(slot)) !== members.join()) found.set(slot, "changed");
    const known = new Set((D.stages[number - 1].in_place || []).map(String));
    for (const pair of stage.in_place) if (!known.has(String(pair))) found.set(pair[0], "changed");
    return found;
  }
  D.slots.forEach((slot, place) => {
    if (slot.gone && slot.gone[0] === number) found.set(place, "gone");
    else if (born(place) === number) found.set(place, "new");
    else if (slot.states.some((state) => state.stage === number)) found.set(place, "changed");
  });
  return found;
}

// ---- the outline: which lines are open, and where they are ------------------------------------------------
const scopeOfLine = [];
D.scopes.forEach(([, , first, end], number) => {
  for (let line = first; line <= end; line++) scopeOfLine[line] = number;
});
const slotsOfScope = D.scopes.map(() => []);
const slotsOfLine = [];
D.slots.forEach((slot, number) => {
  (slotsOfLine[slot.at[3]] = slotsOfLine[slot.at[3]] || []).push(number);
  for (let scope = slot.at[4]; scope >= 0; scope = D.scopes[scope][1]) slotsOfScope[scope].push(number);
});
const pathOf = (scope) =>
  scope <= 0 ? "" : [pathOf(D.scopes[scope][1]), D.scopes[scope][0]].filter(Boolean).join(".");
const chainOf = (scope) => (scope < 0 ? [] : [...chainOf(D.scopes[scope][1]), scope]);

// Opens the parts from the outside in, while everything still is about a screen or two.
function openSome(most) {
  view.open = new Set([0]);
  let count = 0;
  const queue = [0];
  while (queue.length) {
    const scope = queue.shift();
    const inside = D.scopes.map((item, number) => number).filter((number) => D.scopes[number][1] === scope);
    for (const child of inside) {
      const lines = D.scopes[child][3] - D.scopes[child][2] + 1;
      const own = slotsOfScope[child].filter((slot) => D.slots[slot].at[4] === child);
      const isUpdate = slotsOfScope[child].every((slot) => D.slots[slot].at[0] === 2);
      const cost = own.length ? Math.min(lines, own.length) : 2;
      if (isUpdate || count + cost > most) continue;
      count += cost;
      view.open.add(child);
      queue.push(child);
    }
  }
}

function outline() {
  const items = [], frames = [];
  let y = HEAD, line = 0;
  const opened = [];
  const close = (until) => {
    while (opened.length && D.scopes[opened[opened.length - 1].scope][3] < until) {
      const frame = opened.pop();
      y += FOOT;
      frame.bottom = y - 4;
    }
  };
  while (line < scopeOfLine.length) {
    close(line);
    const chain = chainOf(scopeOfLine[line]);
    const closed = chain.find((scope) => !view.open.has(scope));
    for (const scope of chain) {
      if (scope === closed) break;
      if (scope > 0 && D.scopes[scope][2] === line) {
        const frame = { scope, top: y, depth: opened.length };
        frames.push(frame);
        opened.push(frame);
        y += HEAD;
      }
    }
    if (closed !== undefined) {
      items.push({ scope: closed, y: y + BOX / 2 });
      line = D.scopes[closed][3] + 1;
    } else {
      items.push({ line, y: y + BOX / 2 });
      line += 1;
    }
    y += LINE;
  }
  close(Infinity);
  return { items, frames, height: y };
}

// ---- the graph -----------------------------------------------------------------------------------------
const WIDTH = Math.max(...D.columns.map((span) => span[1]), 300);
let drawn = { where: new Map(), boxes: [], part: [-Infinity, Infinity] };

function drawGraph() {
  const { items, frames, height } = outline();
  const where = new Map(), boxes = [];
  for (const item of items) {
    if (item.line !== undefined) {
      for (const slot of slotsOfLine[item.line] || []) {
        const [column, x, width] = D.slots[slot].at;
        const box = { slot, column, x, y: item.y, width };
        where.set(slot, box);
        boxes.push(box);
      }
      continue;
    }
    const parts = [0, 1, 2].map((column) => ({
      scope: item.scope, column, y: item.y, x: (D.columns[column][0] + D.columns[column][1]) / 2,
      width: Math.min(250, Math.max(D.columns[column][1] - D.columns[column][0], 120)), slots: [],
    }));
    for (const slot of slotsOfScope[item.scope]) {
      const part = parts[D.slots[slot].at[0]];
      part.slots.push(slot);
      where.set(slot, part);
    }
    boxes.push(...parts.filter((part) => part.slots.length));
  }
  const pane = $("pane"), at = [pane.scrollLeft, pane.scrollTop];
  const part = boxes.length > MANY ? [at[1] / view.zoom - MARGIN, (at[1] + pane.clientHeight) / view.zoom + MARGIN]
      : [-Infinity, Infinity];
  const isNear = (...ends) => Math.max(...ends) >= part[0] && Math.min(...ends) <= part[1];
  const root = svg("svg", {
    viewBox: `-10 -6 ${WIDTH + 20} ${height + 12}`, width: (WIDTH + 20) * view.zoom,
    height: (height + 12) * view.zoom, role: "img", "aria-label": "graph at stage " + D.stages[view.stage].name,
  });
  root.append(...titles(height), ...frames.filter((frame) => isNear(frame.top, frame.bottom)).map(drawFrame),
    ...drawHulls(where, isNear), drawEdges(where, isNear));
  const near = view.slot < 0 ? new Set() : neighbours(view.slot);
  for (const box of boxes) if (isNear(box.y)) root.append(box.slot === undefined ? drawFolded(box) : drawBox(box, near));
  pane.replaceChildren(root);
  [pane.scrollLeft, pane.scrollTop] = at;
  drawn = { where, boxes, part };
}
function scrolled() {
  const pane = $("pane"), top = pane.scrollTop / view.zoom, bottom = (pane.scrollTop + pane.clientHeight) / view.zoom;
  if (top < drawn.part[0] || bottom > drawn.part[1]) drawGraph();
}
function titles(height) {
  return D.columns.flatMap(([left, right], column) => [
    svg("text", { class: "title", x: (left + right) / 2, y: 12, "text-anchor": "middle" }, COLUMNS[column]),
    column ? svg("line", { class: "wall", x1: left - 18, x2: left - 18, y1: 0, y2: height }) : null,
  ]).filter(Boolean);
}
function drawFrame({ scope, top, bottom, depth }) {
  const inset = depth * 3;
  return svg("g", {},
    svg("rect", { class: "frame", x: inset - 8, y: top, width: WIDTH + 16 - 2 * inset, height: bottom - top }),
    svg("g", { class: "fold", "data-scope": scope, onclick: () => toggle(scope) },
      svg("text", { x: inset, y: top + 15 }, "▾ " + D.scopes[scope][0])));
}
function drawFolded(box) {
  const present = box.slots.filter((slot) => born(slot) <= view.stage && !isGone(slot, view.stage));
  const words = new Map();
  for (const slot of present) {
    const word = T[stateOf(slot, view.stage).op];
    if (!["input", "parameter", "constant"].includes(word)) words.set(word, (words.get(word) || 0) + 1);
  }
  const ops = [...words.values()].reduce((sum, count) => sum + count, 0);
  const most = [...words].sort((a, b) => b[1] - a[1]).map(([word, count]) => (count > 1 ? count + " " : "") + word);
  const isMarked = box.slots.some((slot) => marksAt[view.stage].has(slot));
  const kind = ["forward", "backward", "update"][box.column];
  const isOn = box.slots.includes(view.slot);
  const said = `${D.scopes[box.scope][0]}: ${counted(ops, "op")}`;
  return svg("g", {
    class: `box ${kind} ${isMarked ? "changed" : ""} ${isOn ? "on" : ""}`, "data-fold": box.scope,
    onclick: () => toggle(box.scope),
  },
  svg("title", {}, `${pathOf(box.scope)}: ${most.join(", ")}`),
  svg("rect", { x: box.x - box.width / 2, y: box.y - BOX / 2, width: box.width, height: BOX }),
  svg("text", { class: "head", x: box.x, y: box.y - 3, "text-anchor": "middle" }, "▸ " + said),
  svg("text", { class: "what", x: box.x, y: box.y + 11, "text-anchor": "middle" },
    cut(most.join(", "), Math.floor(box.width / 5.4))));
}
const cut = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);
const SIGNS = { new: "+", changed: "~", gone: "−" };

function looksOf(slot, near) {
  const marks = marksAt[view.stage], mark = marks.get(slot);
  const looks = [T[D.slots[slot].role].split(" ")[0]];
  if (mark) looks.push(mark);
  else if (born(slot) > view.stage || isGone(slot, view.stage)) looks.push("absent");
  else if (marks.size) looks.push("dim");
  if (slot === view.slot) looks.push("on");
  else if (near.has(slot)) looks.push("near");
  return looks;
}
function neighbours(slot) {
  const reads = stateOf(slot, view.stage).reads.map((read) => standing(read, view.stage));
  return new Set([...reads, ...readers[slot]]);
}
function drawBox({ slot, x, y, width }, near) {
  const state = stateOf(slot, view.stage), looks = looksOf(slot, near);
  const mark = marksAt[view.stage].get(slot);
  return svg("g", { class: "box " + looks.join(" "), "data-slot": slot, onclick: () => choose(slot) },
    svg("title", {}, state.line),
    svg("rect", { x: x - width / 2, y: y - BOX / 2, width, height: BOX }),
    svg("text", { class: "head", x, y: y - 3, "text-anchor": "middle" },
      T[state.op] + " ", svg("tspan", {}, cut(state.name, 30))),
    svg("text", { class: "what", x, y: y + 11, "text-anchor": "middle" }, T[state.short]),
    updates.has(slot) ? svg("text", { class: "badge-sign", x: x - width / 2 + 4, y: y - 4 }, "↻") : null,
    mark ? svg("text", { class: "sign", x: x + width / 2 - 10, y: y - 5 }, SIGNS[mark]) : null);
}
function drawEdges(where, isNear) {
  const group = svg("g", {}), seen = new Set();
  const hasMarks = marksAt[view.stage].size > 0;
  const add = (tail, head, from, to, kind) => {
    if (!from || !to || from === to || !isNear(from.y, to.y)) return;
    const isOn = tail === view.slot || head === view.slot;
    const isFar = Math.abs(from.y - to.y) > FAR;
    if (!isOn && isFar && from.slot !== undefined && to.slot !== undefined) return;
    const key = [from.x, from.y, to.x, to.y, isOn].join();
    if (seen.has(key)) return;
    seen.add(key);
    const isDim = hasMarks && !isOn && kind === "" && !marksAt[view.stage].has(head);
    const looks = ["edge", kind, isOn ? "on" : "", isDim ? "dim" : "", isFar ? "far" : ""];
    group.append(svg("path", { class: looks.join(" "), d: curve(from, to) }));
  };
  D.slots.forEach((slot, head) => {
    if (born(head) > view.stage) return;
    if (isGone(head, view.stage)) {
      if (slot.gone[0] === view.stage && slot.gone[1] >= 0)
        add(head, slot.gone[1], where.get(head), where.get(slot.gone[1]), "into");
      return;
    }
    for (const read of stateOf(head, view.stage).reads) {
      const tail = standing(read, view.stage);
      add(tail, head, where.get(tail), where.get(head), "");
    }
  });
  return group;
}
function curve(from, to) {
  if (Math.abs(from.y - to.y) < BOX) {
    const right = to.x > from.x ? 1 : -1;
    const [a, b] = [from.x + (right * from.width) / 2, to.x - (right * to.width) / 2];
    const bend = (b - a) / 2;
    return `M${a} ${from.y}C${a + bend} ${from.y - 10} ${b - bend} ${to.y - 10} ${b} ${to.y}`;
  }
  const down = to.y > from.y ? 1 : -1;
  const [a, b] = [from.y + (down * BOX) / 2, to.y - (down * BOX) / 2];
  const bend = Math.max(Math.abs(b - a) / 2, 12) * down;
  return `M${from.x} ${a}C${from.x} ${a + bend} ${to.x} ${b - bend} ${to.x} ${b}`;
}
function drawHulls(where, isNear) {
  if (D.stages[view.stage].kind === "source" || D.stages[view.stage].kind === "rewrite") return [];
  return kernelsAt(view.stage).map((members, number) => {
    const boxes = [...new Set(members.map((slot) => where.get(slot)))].filter(Boolean)
      .sort((a, b) => a.y - b.y || a.x - b.x);
    if (members.length < 2 || (boxes.length < 2 && boxes[0] && boxes[0].slots)) return null;
    if (!isNear(...boxes.map((box) => box.y))) return null;
    const color = `hsl(${(number * 137) % 360} 60% 50%)`;
    const isOn = members.includes(view.slot) ? " on" : "";
    const rects = boxes.filter((box) => box.slot !== undefined).map((box) =>
      svg("rect", { x: box.x - box.width / 2 - 3, y: box.y - BOX / 2 - 3, width: box.width + 6, height: BOX + 6, rx: 6,
        fill: color, stroke: "none" }));
    return svg("g", { class: "hull" + isOn, stroke: color },
      svg("path", { d: boxes.map((box, place) =>
        `${place && box.y - boxes[place - 1].y <= FAR ? "L" : "M"}${box.x} ${box.y}`).join("") }), rects);
  }).filter(Boolean);
}

// ---- the slider ----------------------------------------------------------------------------------------
function drawTicks() {
  const most = Math.max(...marksAt.map((marks) => marks.size), 1);
  $("ticks").replaceChildren(...D.stages.map((stage, number) => {
    const count = marksAt[number].size;
    const height = stage.kind === "source" || stage.kind === "kernels" ? 8 : 3 + Math.sqrt(count / most) * 44;
    return el("div", {
      class: stage.kind, "data-now": number === view.stage ? "" : false, "data-stage": number,
      title: `${stage.name}: ${counted(count, "change")}`,
    }, el("i", { style: `height:${height}px` }), el("span", {}, stage.name.replaceAll("_", " ")));
  }));
  const ticks = $("ticks"), stage = D.stages[view.stage];
  for (const [key, value] of Object.entries({ valuemin: 0, valuemax: last, valuenow: view.stage, valuetext: stage.name }))
    ticks.setAttribute("aria-" + key, value);
  const counts = { new: 0, changed: 0, gone: 0 };
  for (const mark of marksAt[view.stage].values()) counts[mark] += 1;
  const words = { source: "the graph as it was built", rewrite: "rewriting pass", schedule: "scheduling pass",
    kernels: "what runs, in this order" };
  const kernels = kernelsAt(view.stage);
  $("stage").replaceChildren(el("b", {}, `${view.stage}/${last} ${stage.name}`), ` · ${words[stage.kind]} · `,
    counted(stage.nodes, "node"), kernels ? ` in ${counted(kernels.length, "kernel")}` : "",
    ...Object.entries(counts).filter(([, count]) => count).flatMap(([mark, count]) =>
      [" ", el("span", { class: "badge " + mark }, `${SIGNS[mark]} ${count} ${mark}`)]));
}
function stageFromPointer(event) {
  const bounds = $("ticks").getBoundingClientRect();
  const place = Math.floor(((event.clientX - bounds.left) / bounds.width) * D.stages.length);
  goto(Math.min(Math.max(place, 0), last));
}

// ---- what happened -------------------------------------------------------------------------------------
const link = (slot, text) =>
  el("button", { type: "button", class: "link name", "data-go": slot, onclick: () => choose(slot) }, text || nameOf(slot));

function said([code, sentence, ...times]) {
  const slots = times.map((group) => group[0]).filter((slot) => slot !== undefined);
  const shown = slots.slice(0, 12).flatMap((slot) => [" ", link(slot)]);
  const more = slots.length > 12 ? ` and ${slots.length - 12} more` : "";
  return el("li", {}, code >= 0 ? el("span", { class: "badge", title: T[code] }, T[code].split(":")[0]) : null,
    code >= 0 ? " " : null, T[sentence], times.length > 1 ? el("b", {}, ` × ${times.length}`) : null, ":", ...shown, more);
}
function drawChanges() {
  const stage = D.stages[view.stage];
  const parts = [el("h2", {}, `What ${stage.name} did`)];
  if (!stage.did) {
    parts.push(el("p", {}, stage.kind === "source" ? "This is the graph as it was built: nothing has happened yet."
      : "These are the kernels as they run. Each hull is one kernel."));
  } else {
    if (!stage.exact) parts.push(el("p", {}, "This pass kept no account of its nodes: what became which is a guess."));
    if (!stage.did.length && !stage.refused.length) parts.push(el("p", {}, "Nothing: it found nothing to do."));
    parts.push(el("ul", { class: "plain" }, stage.did.map(said)));
    if (stage.refused.length)
      parts.push(el("h3", {}, "Left alone, and why"), el("ul", { class: "plain" }, stage.refused.map(said)));
    parts.push(el("p", { class: "axis-text" }, micro(stage.seconds * 1e6) + " at compile time"));
  }
  $("changes").replaceChildren(...parts);
}

// ---- a node -------------------------------------------------------------------------------------------
function decisions(slot, kind) {
  const found = [];
  D.stages.forEach((stage) => (stage[kind] || []).forEach(([code, sentence, ...times]) => {
    const group = times.find((slots) => slots.includes(slot));
    if (group) found.push({ stage: stage.name, code, sentence, others: group.filter((item) => item !== slot) });
  }));
  return found;
}
const decided = ({ stage, code, sentence, others }) => el("li", {},
  el("b", {}, stage + ": "), code >= 0 ? el("span", { class: "badge", title: T[code] }, T[code].split(":")[0]) : null, " ",
  T[sentence], ...others.flatMap((item) => [" ", link(item)]));

function drawNode() {
  const panel = $("node"), slot = view.slot;
  document.body.toggleAttribute("data-sheet", slot >= 0);
  if (slot < 0) {
    panel.replaceChildren(el("h2", {}, "Node"),
      el("p", {}, "Choose a node in the graph, or search for one: its formula, line, derivation, kernel, memory and cost."));
    return;
  }
  const state = stateOf(slot, view.stage), data = D.slots[slot], rows = [];
  const row = (label, ...content) => rows.push(el("dt", {}, label), el("dd", {}, ...content));
  if (state.math !== undefined) row("formula", maths(state.math));
  else row("is", el("span", { class: "code" }, T[state.op]));
  row("line", el("span", { class: "code" }, state.line));
  (state.where || []).forEach((text) => row("where", el("span", { class: "code" }, T[text])));
  row("type", el("span", { class: "code" }, T[state.type]));
  if (data.at[4] > 0) row("part", el("button", { type: "button", class: "link", onclick: () => reveal(slot) },
    pathOf(data.at[4])));
  if (state.source) row("from", el("span", { class: "code" }, `${T[state.source[0]]}: ${T[state.source[1]]}`));
  if (state.reads.length) row("reads", ...state.reads.flatMap((read) => [link(standing(read, view.stage)), " "]));
  const users = [...readers[slot]].filter((user) => born(user) <= view.stage && !isGone(user, view.stage));
  if (users.length) row("read by", ...users.slice(0, 16).flatMap((user) => [link(user), " "]),
    users.length > 16 ? `and ${users.length - 16} more` : "");
  if (state.maker !== undefined) row("made by", T[state.maker], state.rule !== undefined ? `: ${T[state.rule]}` : "",
    state.of !== undefined ? [" from ", link(state.of, nameOf(state.of, Math.max(state.stage - 1, 0)))] : null);
  if (updates.has(slot)) row("updated", "to ", link(standing(updates.get(slot), view.stage)), " at the end of a call");
  if (state.derivation) row("derivation", el("ul", { class: "plain" },
    state.derivation.map((text) => el("li", { class: "code" }, T[text]))));
  drawFate(slot, row);
  const done = decisions(slot, "did"), refused = decisions(slot, "refused");
  if (done.length) row("changed", el("ul", { class: "plain" }, done.map(decided)));
  if (refused.length) row("not done", el("ul", { class: "plain" }, refused.map(decided)));
  const scroll = panel.dataset.slot === String(slot) ? panel.scrollTop : 0;
  panel.dataset.slot = slot;
  panel.replaceChildren(
    el("div", { class: "row" }, el("h2", {}, `${T[state.op]} `, el("span", { class: "name" }, state.name)),
      el("button", { type: "button", title: "Close (Esc)", onclick: () => choose(-1) }, "✕")), el("dl", {}, rows));
  panel.scrollTop = scroll;
}
function drawFate(slot, row) {
  const data = D.slots[slot];
  if (data.gone) {
    const twin = data.gone[1] >= 0 ? [": it is ", link(standing(slot, last))] : ": not needed";
    row("gone", `in ${D.stages[data.gone[0]].name}`, twin);
    return;
  }
  if (kernelOf.has(slot)) {
    const kernel = D.kernels[kernelOf.get(slot)], others = kernel.members.filter((item) => item !== slot);
    row("kernel", el("button", { type: "button", class: "link", onclick: () => showCode(kernelOf.get(slot)) },
      `kernel ${kernelOf.get(slot)}`), others.length
      ? [", fused with ", ...others.slice(0, 10).flatMap((item) => [link(item), " "]),
      others.length > 10 ? `and ${others.length - 10} more` : ""] : ", alone");
    const over = kernel.in_place.find(([item]) => item === slot);
    row("in place", over ? ["written over ", link(over[1])] : "no");
  }
  const held = D.memory.holders.filter((item) => item[0] === slot);
  for (const [, kind, size, first, end] of held)
    row("lives", `kernel ${first} to ${end}, as ${D.memory.kinds[kind][0]}: `, bytes(size),
      el("span", { class: "axis-text" }, ` = ${polynomialText(size)} B`));
  if (!held.length && data.place) row("lives", T[data.place[0]], data.place[1] >= 0 ? [" of ", link(data.place[1])] : null);
  else if (!held.length && kernelOf.has(slot)) row("lives", "in its kernel only");
  if (data.cost) {
    row("cost", `${polynomialText(data.cost[0])} flops, ${polynomialText(data.cost[1])} B read, `
      + `${polynomialText(data.cost[2])} B written`);
  }
  if (kernelOf.has(slot) && D.kernels[kernelOf.get(slot)].us !== undefined)
    row("time", `${micro(D.kernels[kernelOf.get(slot)].us)} for its kernel`, data.us ? `, ${micro(data.us)} of it its own` : "");
}

// ---- memory and time over the kernels ------------------------------------------------------------------
const KINDS = D.memory.kinds.map(([name]) =>
  ({ "saved for backward": "saved", temporaries: "temporary", outputs: "output", "swapped parameters": "swap" })[name] || name);

// As compiler.schedule.memory.Memory.at: the step at which the slab is fullest, and who is in it.
function moment() {
  const steps = Math.max(D.kernels.length, 1), live = new Array(steps + 1).fill(0);
  const slab = D.memory.holders.filter((item) => D.memory.kinds[item[1]][1]);
  for (const [, , size, first, end] of slab) {
    if (end < first) continue;
    live[Math.max(first, 0)] += polynomial(size);
    live[end + 1] -= polynomial(size);
  }
  let fullest = 0, now = 0, most = -1;
  for (let step = 0; step < steps; step++) {
    now += live[step];
    if (now > most) [fullest, most] = [step, now];
  }
  const held = D.memory.holders.filter(([, kind, , first, end]) =>
    !D.memory.kinds[kind][1] || (first <= fullest && fullest <= end));
  return { kernel: fullest, held: held.sort((a, b) => polynomial(b[2]) - polynomial(a[2])) };
}
function drawMemory() {
  const peak = polynomial(D.memory.peak), total = polynomial(D.memory.total), at = moment();
  const count = Math.max(D.kernels.length, 1), scale = peak || 1, high = 240;
  const x = (kernel) => (Math.max(kernel, 0) / count) * STEP;
  const y = (offset) => high - (offset / scale) * high;
  const chart = svg("svg", { class: "chart", viewBox: "0 0 1000 356", preserveAspectRatio: "none", height: 300,
    role: "img", "aria-label": "the slab over time" });
  chart.append(svg("rect", { class: "cursor", x: x(at.kernel), width: Math.max(STEP / count, 2), y: 0, height: 356 }));
  const place = new Map();
  for (const item of D.memory.holders) {
    const [slot, kind, size, first, end, offset] = item;
    if (offset < 0 || end < first) continue;
    const bottom = polynomial(offset), tall = polynomial(size);
    place.set(slot, item);
    chart.append(svg("rect", {
      class: "holder " + KINDS[kind], "data-of": slot, x: x(first), width: Math.max(x(end + 1) - x(first), 1),
      y: y(bottom + tall), height: Math.max((tall / scale) * high, 0.5), "data-holder": slot, onclick: () => choose(slot),
    }, svg("title", {}, `${nameOf(slot, last)}: ${bytes(size)}, kernel ${first} to ${end}`)));
  }
  for (const [result, operand] of D.kernels.flatMap((kernel) => kernel.in_place)) {
    const [one, two] = [place.get(result), place.get(operand)];
    if (one && two && one[5] === two[5])
      chart.append(svg("rect", { class: KINDS[one[1]], x: x(one[3]) - 2, width: 4, y: y(polynomial(one[5]) + polynomial(one[2])),
        height: (polynomial(one[2]) / scale) * high, "data-joined": result }));
  }
  drawStrip(chart, x, count);
  $("slab").replaceChildren(chart, kindsBar(at));
  highlight();
  $("peak").textContent = `${scaled(peak, "B")} slab (${peak.toLocaleString("en")} B), ${scaled(total, "B")} for a whole call`;
  $("peak").dataset.bytes = peak;
  $("peak").dataset.total = total;
  drawMoment(at, peak, total);
}
// All bytes of a call at the fullest moment, by what they are held for.
function kindsBar(at) {
  const sums = new Map();
  for (const [, kind, size] of at.held) sums.set(kind, (sums.get(kind) || 0) + polynomial(size));
  const total = [...sums.values()].reduce((sum, size) => sum + size, 0) || 1;
  const bar = svg("svg", { class: "chart", viewBox: "0 0 1000 20", preserveAspectRatio: "none", height: 16, role: "img",
    "aria-label": "bytes by kind" });
  let x = 0;
  for (const [kind, size] of sums) {
    const width = (size / total) * STEP, title = `${D.memory.kinds[kind][0]}: ${scaled(size, "B")}`;
    bar.append(svg("rect", { class: KINDS[kind], x, width, height: 20 }, svg("title", {}, title)));
    x += width;
  }
  const shown = [...sums].filter(([, size]) => size > 0).sort((a, b) => b[1] - a[1]);
  return el("div", {}, el("h3", {}, "A call at its fullest, by kind"), bar,
    legend(shown.map(([kind, size]) => [KINDS[kind], `${D.memory.kinds[kind][0]} ${scaled(size, "B")}`])));
}
function drawStrip(chart, x, count) {
  const cost = (kernel) => (kernel.us !== undefined ? kernel.us : polynomial(kernel.cost[1]) + polynomial(kernel.cost[2]));
  const most = Math.max(...D.kernels.map(cost), 1e-9);
  chart.append(svg("line", { class: "axis", x1: 0, x2: 1000, y1: 240, y2: 240 }));
  D.kernels.forEach((kernel, number) => {
    const tall = (cost(kernel) / most) * 96;
    chart.append(svg("rect", { class: "holder output", "data-of": kernel.members.join(" "), x: x(number), y: 354 - tall,
        width: STEP / count, height: tall + 1,
      onclick: () => choose(kernel.members[0]) }, svg("title", {}, kernelTitle(number))));
  });
}
function kernelTitle(number) {
  const kernel = D.kernels[number];
  const words = kernel.members.slice(0, 4).map((slot) => T[stateOf(slot, last).op]).join(", ");
  return `kernel ${number}: ${words}${kernel.members.length > 4 ? ", …" : ""}`
    + (kernel.us === undefined ? "" : `, ${micro(kernel.us)}`);
}
function drawMoment(at, peak, total) {
  const rows = at.held.filter((item) => polynomial(item[2]) > 0).slice(0, 12).map(([slot, kind, size]) =>
    el("tr", {}, el("td", {}, link(slot, nameOf(slot, last))), el("td", {}, D.memory.kinds[kind][0]),
      el("td", {}, bytes(size)), el("td", {}, ((polynomial(size) / (total || 1)) * 100).toFixed(1) + " %")));
  $("moment").replaceChildren(
    el("h3", {}, `At its fullest: kernel ${at.kernel}`),
    table(["value", "kind", "bytes", "share"], rows),
    el("p", { class: "axis-text" }, `In place saves ${bytes(D.memory.in_place_saves)}; without sharing the slab would take `
      + `${bytes(D.memory.unshared)}. The slab is ${polynomialText(D.memory.peak)} B.`));
}
function memorySection() {
  const rows = D.symbols.map(([name, size]) => {
    const number = el("input", { type: "number", min: 1, max: 1e6, value: size, "aria-label": name });
    const range = el("input", { type: "range", min: 1, max: Math.max(1024, size), value: size, "aria-label": name + " slider",
      id: "size-" + name });
    const set = (event) => {
      const value = Math.max(1, Math.round(Number(event.target.value)) || 1);
      [number.value, range.value, view.sizes[name]] = [value, value, value];
      drawMemory();
      drawNode();
      drawSpeed();
      summarise();
    };
    number.addEventListener("input", set);
    range.addEventListener("input", set);
    return el("label", {}, el("b", {}, name + " "), range, " ", number);
  });
  $("memory").replaceChildren(el("div", { class: "row" }, el("h2", {}, "Memory and time, kernel by kernel"), ...rows,
    el("span", { id: "peak" })),
  legend([["saved", "saved for backward"], ["temporary", "temporaries"], ["swap", "swapped parameters"],
    ["output", D.measured ? "below: time of each kernel" : "below: bytes that each kernel moves"]]),
  el("div", { id: "slab" }), el("div", { id: "moment" }));
}
const legend = (items) => el("p", { class: "axis-text" }, items.flatMap(([kind, text]) =>
  [svg("svg", { width: 12, height: 12 }, svg("rect", { class: kind, width: 11, height: 11, rx: 3 })), ` ${text}   `]));

// ---- time -----------------------------------------------------------------------------------------------
function table(heads, rows) {
  return el("div", { class: "scroll" }, el("table", {}, el("tr", {}, heads.map((text) => el("th", {}, text))), rows));
}
function drawSpeed() {
  const isTimed = D.measured !== null, whole = D.kernels.reduce((sum, kernel) => sum + (kernel.us || 0), 0) || 1;
  const heads = ["kernel", ...(isTimed ? ["time", "share"] : []), "flops", "bytes",
    ...(isTimed ? ["GFLOP/s", "GB/s", "of the roof"] : [])];
  const order = D.kernels.map((kernel, number) => number).filter((number) => D.kernels[number].us || weight(number));
  order.sort((a, b) => (isTimed ? D.kernels[b].us - D.kernels[a].us : weight(b) - weight(a)));
  const rows = order.slice(0, 40).map((number) => {
    const kernel = D.kernels[number], [flops, read, written] = kernel.cost.map(measuredSize), moved = read + written;
    const timed = !isTimed ? [] : [micro(kernel.us), ((kernel.us / whole) * 100).toFixed(1) + " %"];
    const rates = !isTimed ? [] : [rate(flops, kernel.us), rate(moved, kernel.us), roofShare(kernel, flops, moved)];
    return el("tr", { class: "go", onclick: () => showCode(number) }, [kernelTitle(number).replace(/, [^,]*s$/, ""), ...timed,
      scaled(flops, ""), scaled(moved, "B"), ...rates].map((text) => el("td", {}, text)));
  });
  const parts = [el("h2", {}, "Where the time goes")];
  if (!isTimed) parts.push(el("p", {}, "Nothing was timed: program.report(path, data=...) adds times. "
    + "These are the costs, for the sizes chosen under memory."));
  else {
    const rates = D.measured.gigabytes.map(([size, rate]) => `${rate} GB/s of ${scaled(size, "B")}`).join(", ");
    parts.push(el("p", {}, `A call takes ${micro(D.measured.call)} (median of ${D.measured.calls}); this machine does at best `
      + `${D.measured.gflops} GFLOP/s, and moves ${rates}.`), roofline());
  }
  parts.push(table(heads, rows));
  parts.push(el("div", { class: "two" }, breakdown("By part of the model", D.time.scopes), breakdown("By line", D.time.lines)));
  $("speed").replaceChildren(...parts);
}
const weight = (number) => D.kernels[number].cost.reduce((sum, item) => sum + polynomial(item), 0);
const rate = (count, us) => (us ? Number((count / us / 1e3).toPrecision(3)).toString() : "");

// With times, costs are those of the sizes that were timed.
function measuredSize(number) {
  if (D.measured === null) return polynomial(number);
  const chosen = view.sizes;
  view.sizes = { ...chosen, ...D.measured.sizes };
  const found = polynomial(number);
  view.sizes = chosen;
  return found;
}
// What is small enough lies in a cache, which has a roof of its own.
const bandwidth = (moved) => (D.measured.gigabytes.find(([size]) => moved <= size) || D.measured.gigabytes.at(-1))[1];

function roofShare(kernel, flops, moved) {
  const least = Math.max(flops / D.measured.gflops, moved / bandwidth(moved)) / 1e3;
  return kernel.us ? ((least / kernel.us) * 100).toFixed(0) + " %" : "";
}
function breakdown(title, rows) {
  const isTimed = rows.some((row) => row.length > 5);
  const value = (row) => (isTimed ? row[5] : row.slice(2, 5).reduce((sum, item) => sum + polynomial(item), 0));
  const sorted = [...rows].sort((a, b) => value(b) - value(a)).filter((row) => value(row) > 0).slice(0, 30);
  const most = Math.max(...sorted.map(value), 1e-9);
  return el("div", {}, el("h3", {}, title), table(["", isTimed ? "time" : "flops + bytes", ""], sorted.map((row) =>
    el("tr", {}, el("td", {}, T[row[0]]), el("td", {}, isTimed ? micro(row[5]) : scaled(value(row), "")),
      el("td", { style: "width:30%" }, el("i", { class: "bar", style: `width:${(value(row) / most) * 100}%` }))))));
}
// Williams, Waterman and Patterson, Roofline (2009): a point a kernel, under what bytes and flops allow.
function roofline() {
  const points = D.kernels.map((kernel, number) => {
    const [flops, read, written] = kernel.cost.map(measuredSize);
    return { number, x: flops / (read + written), y: flops / kernel.us / 1e3, us: kernel.us };
  }).filter((point) => point.x > 0 && point.y > 0 && isFinite(point.x) && isFinite(point.y));
  const log = Math.log10, [low, high] = [-2, 3];
  const top = log(Math.max(D.measured.gflops, ...points.map((point) => point.y))) + 0.2, bottom = top - 4.5;
  const x = (value) => 40 + ((Math.min(Math.max(log(value), low), high) - low) / (high - low)) * 940;
  const y = (value) => 10 + ((top - Math.max(log(value), bottom)) / (top - bottom)) * 200;
  const roofs = [D.measured.gigabytes[0], D.measured.gigabytes.at(-1)]
    .map(([size, rate]) => [size, rate, D.measured.gflops / rate]);
  const knee = roofs[0][2];
  const most = Math.max(...points.map((point) => point.us), 1e-9);
  const grid = [-2, -1, 0, 1, 2, 3].map((power) =>
    svg("text", { class: "axis-text", x: x(10 ** power), y: 230, "text-anchor": "middle" }, String(10 ** power)));
  return svg("svg", { class: "chart", viewBox: "0 0 1000 250", role: "img", "aria-label": "kernels under the roof" },
    roofs.map(([size, rate, at]) => svg("g", {},
      svg("path", { class: "roof", d: `M${x(0.01)} ${y(0.01 * rate)}L${x(at)} ${y(D.measured.gflops)}H${x(1000)}` }),
      svg("text", { class: "axis-text", x: x(0.011), y: y(0.011 * rate) - 6 }, `${rate} GB/s of ${scaled(size, "B")}`))),
    svg("line", { class: "axis", x1: 40, x2: 980, y1: 212, y2: 212 }), ...grid,
    svg("text", { class: "axis-text", x: 500, y: 246, "text-anchor": "middle" }, "flops a byte"),
    svg("text", { class: "axis-text", x: x(knee) + 6, y: y(D.measured.gflops) - 4 }, `${D.measured.gflops} GFLOP/s`),
    points.map((point) => svg("circle", { class: "holder temporary", cx: x(point.x), cy: y(point.y),
        r: 3 + 7 * Math.sqrt(point.us / most),
      onclick: () => choose(D.kernels[point.number].members[0]) }, svg("title", {}, kernelTitle(point.number)))));
}

// ---- fused against unfused ------------------------------------------------------------------------------
function drawFusion() {
  const parts = [el("h2", {}, "Fused against unfused")];
  const before = D.unfused || (kernelsAt(last) || []).flatMap((members) => members.map((slot) => [[slot]]));
  if (D.measured) {
    const most = Math.max(D.measured.call, D.measured.unfused_call);
    const bar = (label, us, kernels, size) => el("tr", {}, el("td", {}, label), el("td", {}, micro(us)),
        el("td", {}, counted(kernels, "kernel")),
      el("td", {}, bytes(size) + " slab"), el("td", { style: "width:40%" },
          el("i", { class: "bar", style: `width:${(us / most) * 100}%` })));
    parts.push(table(["", "a call", "", "", ""], [
      bar("unfused: each node alone", D.measured.unfused_call, D.measured.unfused_kernels, D.measured.unfused_peak),
      bar("as compiled", D.measured.call, D.kernels.length, D.memory.peak)]),
    el("p", {}, `Fused it is ${(D.measured.unfused_call / D.measured.call).toFixed(2)} times as fast.`));
  } else parts.push(el("p", {}, `${counted(before.length, "node")} alone, on the left, are `
    + `${counted(D.kernels.length, "kernel")}, on the right.`));
  parts.push(el("div", { id: "ribbons", tabindex: 0 }, drawRibbons(before)));
  $("fusion").replaceChildren(...parts);
}
function drawRibbons(before) {
  const tall = 15, most = Math.max(before.length, D.kernels.reduce((sum, kernel) => sum + kernel.members.length, 0));
  const chart = svg("svg", { class: "chart", viewBox: `0 0 1000 ${most * tall + 30}`, role: "img",
    "aria-label": "each node alone, and the kernels that they became" });
  const order = new Map();
  D.kernels.forEach((kernel, number) => kernel.members.forEach((slot) => order.set(slot, [number, order.size])));
  const left = [...before].sort((a, b) => (order.get(a[0][0]) || [0, 0])[1] - (order.get(b[0][0]) || [0, 0])[1]);
  const title = (text, x) => svg("text", { class: "title", x, y: 14 }, text);
  chart.append(title("unfused", 60), title("kernels", 620));
  let y = 24;
  const tops = D.kernels.map((kernel) => {
    const top = y;
    y += kernel.members.length * tall;
    return top;
  });
  left.forEach(([slots, us], place) => {
    const slot = slots[0], at = 24 + place * tall, [number, rank] = order.get(slot) || [-1, 0];
    const end = 24 + rank * tall;
    const kind = ["forward", "backward", "update"][D.slots[slot].at[0]];
    if (number >= 0) chart.append(svg("path", { class: "ribbon", "data-of": slot,
      d: `M400 ${at}C500 ${at} 500 ${end} 600 ${end}v${tall - 2}`
        + `C500 ${end + tall - 2} 500 ${at + tall - 2} 400 ${at + tall - 2}Z` }));
    chart.append(svg("g", { class: "box " + kind, "data-of": slot, onclick: () => choose(slot) },
      svg("rect", { x: 60, y: at, width: 340, height: tall - 2 }),
      svg("text", { class: "what", x: 66, y: at + 10 }, cut(`${T[stateOf(slot, last).op]} ${nameOf(slot, last)}`, 44)),
      us ? svg("text", { class: "what", x: 394, y: at + 10, "text-anchor": "end" }, micro(us)) : null));
  });
  D.kernels.forEach((kernel, number) => {
    const kinds = new Set(kernel.members.map((slot) => ["forward", "backward", "update"][D.slots[slot].at[0]]));
    chart.append(svg("g", { class: "box " + [...kinds][0], "data-of": kernel.members.join(" "), onclick: () => showCode(number) },
      svg("title", {}, [...kinds].join(" and ")),
      svg("rect", { x: 600, y: tops[number], width: 340, height: kernel.members.length * tall - 2 }),
      svg("text", { class: "what", x: 606, y: tops[number] + 10 }, cut(kernelTitle(number), 62)),
      kinds.size > 1 && kernel.members.length > 1
        ? svg("text", { class: "what", x: 606, y: tops[number] + 24 }, [...kinds].join(" and ")) : null));
  });
  return chart;
}

// ---- code -----------------------------------------------------------------------------------------------
function codeSection() {
  const choice = el("select", { id: "kernel", "aria-label": "Kernel", onchange: (event) => listing(Number(event.target.value)) },
    D.kernels.map((kernel, number) => el("option", { value: number }, kernelTitle(number))));
  $("code").replaceChildren(el("div", { class: "row" }, el("h2", {}, "Code"), choice), el("pre", { id: "listing", tabindex: 0 }));
  if (D.kernels.length) listing(0);
}
const NAME = /%(?:"(?:[^"\\]|\\.)*"|[\w.']+)(?:~\d+)?/g;

function listing(number) {
  $("kernel").value = number;
  $("listing").replaceChildren(...D.kernels[number].source.flatMap((text) => [...linked(T[text]), "\n"]));
}
function linked(line) {
  const found = [];
  let end = 0;
  for (const match of line.matchAll(NAME)) {
    if (!byName.has(match[0])) continue;
    found.push(line.slice(end, match.index), link(byName.get(match[0]), match[0]));
    end = match.index + match[0].length;
  }
  return [...found, line.slice(end)];
}
function showCode(number) {
  listing(number);
  showTab("code");
  $("code").scrollIntoView({ block: "start" });
}

// ---- summary ---------------------------------------------------------------------------------------------
function summarise() {
  const summary = D.summary, values = (items) => [...items.slice(0, 8).flatMap(([slot, name, type], place) =>
    [place ? ", " : "", link(slot, name || "a value"), el("span", { class: "code" }, ` ${type}`)]),
  items.length > 8 ? ` and ${items.length - 8} more` : ""];
  const kind = summary.updates ? "A training step" : summary.ops.backward ? "A function and its gradient" : "A function";
  const ops = Object.values(summary.ops).reduce((sum, count) => sum + count, 0);
  const fact = (value, text) => el("div", {}, el("b", {}, value), el("small", {}, text));
  const sizes = D.symbols.map(([name]) => `${name} = ${view.sizes[name]}`).join(", ");
  $("summary").replaceChildren(
    el("p", {}, el("b", {}, kind), " that takes ", ...(summary.inputs.length ? values(summary.inputs) : ["nothing"]),
        " and returns ",
      ...(summary.outputs.length ? values(summary.outputs) : ["nothing"]),
      summary.parameters[0] ? `. It has ${counted(summary.parameters[0], "parameter")} of together `
        + `${polynomialText(summary.parameters[1])} numbers` : "",
      summary.updates ? `, of which a call updates ${summary.updates}` : "", "."),
    el("div", { class: "facts" },
      fact(`${summary.nodes[0]} → ${summary.nodes[1]}`, "nodes before and after the rewrites"),
      fact(`${ops} → ${summary.kernels}`, "ops before, kernels after"),
      fact(bytes(D.memory.peak), `slab for temporaries${sizes ? ", " + sizes : ""}`),
      fact(bytes(D.memory.total), "memory of a whole call"),
      D.measured ? fact(micro(D.measured.call), `a call, measured on ${summary.backend}`)
        : fact(scaled(polynomial(summary.flops), "flops"), "a call"),
      D.measured ? fact((D.measured.unfused_call / D.measured.call).toFixed(2) + " ×", "as fast as unfused")
          : fact(bytes(summary.bytes), "moved by a call")));
}

// ---- going about ----------------------------------------------------------------------------------------
function goto(stage) {
  if (stage === view.stage) return;
  view.stage = stage;
  drawTicks();
  drawGraph();
  drawChanges();
  drawNode();
}
function choose(slot) {
  view.slot = slot;
  if (slot >= 0) reveal(slot);
  else drawGraph();
  drawNode();
  highlight();
  const machine = $("machine").getBoundingClientRect();
  if (slot >= 0 && window.innerWidth > 900 && (machine.bottom < 200 || machine.top > window.innerHeight - 200))
    $("machine").scrollIntoView({ block: "start" });
}
// What is about the chosen node, in every chart.
function highlight() {
  const slot = String(view.slot);
  for (const item of document.querySelectorAll("[data-of]"))
    item.classList.toggle("on", item.dataset.of.split(" ").includes(slot));
}
function reveal(slot) {
  for (const scope of chainOf(D.slots[slot].at[4])) view.open.add(scope);
  drawGraph();
  if (document.body.dataset.tab !== "graph" && document.body.dataset.tab !== "node") showTab("node");
  const pane = $("pane"), box = drawn.where.get(slot);
  if (!box) return;
  if (window.innerWidth <= 900 && document.body.dataset.tab === "graph") $("stand").scrollIntoView({ block: "start" });
  const [x, y] = [(box.x + 10) * view.zoom, (box.y + 6) * view.zoom];
  if (x < pane.scrollLeft + 30 || x > pane.scrollLeft + pane.clientWidth - 30) pane.scrollLeft = x - pane.clientWidth / 2;
  const seen = pane.clientHeight * (window.innerWidth <= 900 ? 0.4 : 1); // a sheet covers the rest
  if (y < pane.scrollTop + 30 || y > pane.scrollTop + seen - 30) pane.scrollTop = y - seen / 2;
  scrolled();
}
function toggle(scope) {
  if (view.open.has(scope)) view.open.delete(scope);
  else view.open.add(scope);
  drawGraph();
}
function zoom(factor) {
  view.zoom = Math.min(Math.max(factor, 0.05), 4);
  drawGraph();
}
function fit() {
  const narrow = window.innerWidth <= 900;
  const widest = Math.max(...D.columns.map(([left, right]) => right - left), 120);
  zoom(Math.min(($("pane").clientWidth - 4) / (narrow ? widest + 30 : WIDTH + 20), 1.25));
}
const TABS = [["graph", "Graph"], ["changes", "Changes"], ["node", "Node"], ["memory", "Memory"], ["time", "Time"],
  ["fusion", "Fusion"], ["code", "Code"]];
function showTab(name) {
  document.body.dataset.tab = name;
  for (const button of $("tabs").children) button.setAttribute("aria-selected", String(button.dataset.tab === name));
}

// ---- search ---------------------------------------------------------------------------------------------
const index = D.slots.map((slot, number) => {
  const words = slot.states.flatMap((state) => [state.name, T[state.op],
    state.source ? T[state.source[0]] + " " + T[state.source[1]] : ""]);
  return [[...words, pathOf(slot.at[4])].join(" ").toLowerCase(), number];
});
let hits = [], picked = 0;

function search(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  hits = !words.length ? [] : index.filter(([line]) => words.every((word) => line.includes(word))).map(([, slot]) => slot);
  const exact = byName.get(text) ?? byName.get("%" + text);
  if (exact !== undefined) hits = [exact, ...hits.filter((slot) => slot !== exact)];
  hits = hits.slice(0, 40);
  picked = 0;
  drawHits();
}
function drawHits() {
  const list = $("found");
  list.hidden = !hits.length && !$("search").value;
  $("search").setAttribute("aria-expanded", String(!list.hidden));
  list.replaceChildren(...hits.map((slot, place) => {
    const state = stateOf(slot, last);
    return el("li", { role: "option", "aria-selected": String(place === picked), "data-hit": slot, onclick: () => take(place) },
      el("b", {}, T[state.op]), ` ${state.name} `, el("span", { class: "axis-text" },
          `${T[state.type]} ${pathOf(D.slots[slot].at[4])}`));
  }));
  if (!hits.length && !list.hidden) list.append(el("li", {}, "Nothing is called so."));
}
function take(place) {
  const slot = hits[place];
  hits = [];
  $("search").value = "";
  drawHits();
  if (slot !== undefined) choose(slot);
  $("node").focus();
}
function searchKey(event) {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    picked = Math.min(Math.max(picked + (event.key === "ArrowDown" ? 1 : -1), 0), Math.max(hits.length - 1, 0));
    drawHits();
    const item = $("found").children[picked];
    if (item) item.scrollIntoView({ block: "nearest" });
  } else if (event.key === "Enter") take(picked);
  else if (event.key === "Escape") {
    event.target.value = "";
    search("");
    event.target.blur();
  } else return;
  event.preventDefault();
}

// ---- keys -----------------------------------------------------------------------------------------------
const KEYS = [["← →", "stage before, stage after (with the slider or nothing in focus)"], ["/", "search"],
  ["↑ ↓", "in the graph: the box above, below"], ["← →", "in the graph: the box to the left, right"],
  ["Enter", "in the graph: open or close the part of the chosen node"], ["+ −", "open, close every part"],
  ["0", "as wide as the page"], ["Esc", "let go of the node"], ["d", "light or dark"], ["?", "this list"]];

function step(event) {
  const isGraph = document.activeElement === $("pane");
  const is = (key) => event.key === key;
  if (isGraph && ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"].includes(event.key)) walk(event.key);
  else if (is("ArrowLeft")) goto(Math.max(view.stage - 1, 0));
  else if (is("ArrowRight")) goto(Math.min(view.stage + 1, last));
  else if (is("Home") && !isGraph) goto(0);
  else if (is("End") && !isGraph) goto(last);
  else if (is("/")) $("search").focus();
  else if (is("Escape")) choose(-1);
  else if (is("+") || is("=")) everything(true);
  else if (is("-")) everything(false);
  else if (is("0")) fit();
  else if (is("d")) theme();
  else if (is("?")) $("keys").showModal();
  else if (is("Enter") && isGraph && cursor()) enter();
  else return;
  event.preventDefault();
}
let folded = -1;
const cursor = () => drawn.boxes.find((box) => (folded >= 0 ? box.scope === folded : box.slot === view.slot && box.slot >= 0));

function walk(key) {
  const from = cursor() || { x: 0, y: -1 };
  const ahead = drawn.boxes.filter((box) => key === "ArrowDown" ? box.y > from.y : key === "ArrowUp" ? box.y < from.y
    : box.y === from.y && (key === "ArrowLeft" ? box.x < from.x : box.x > from.x));
  const far = (box) => Math.abs(box.y - from.y) * 4 + Math.abs(box.x - from.x);
  const next = ahead.sort((a, b) => far(a) - far(b))[0];
  if (!next) return;
  folded = next.slot === undefined ? next.scope : -1;
  if (next.slot !== undefined) choose(next.slot);
  else drawGraph();
  for (const box of document.querySelectorAll(`[data-fold="${folded}"]`)) {
    box.classList.add("on");
    box.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}
function enter() {
  if (folded >= 0) {
    const first = slotsOfScope[folded][0];
    toggle(folded);
    folded = -1;
    choose(first);
  } else if (D.slots[view.slot].at[4] > 0) {
    folded = D.slots[view.slot].at[4];
    toggle(folded);
  }
}
function everything(isOpen) {
  view.open = new Set(isOpen ? D.scopes.keys() : [0]);
  drawGraph();
}
function theme() {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
}

// ---- beginning -------------------------------------------------------------------------------------------
function begin() {
  if (window.matchMedia("(prefers-color-scheme: dark)").matches) document.documentElement.dataset.theme = "dark";
  $("title").textContent = document.title;
  $("tabs").append(...TABS.map(([name, text]) =>
    el("button", { type: "button", role: "tab", "data-tab": name, onclick: () => showTab(name) }, text)));
  const roles = [["forward", "forward"], ["backward", "backward"], ["update", "update"], ["parameter", "parameter"],
      ["input", "input"]];
  $("legend").append(...roles.map(([kind, text]) =>
    el("span", {}, el("i", { style: `background:var(--${kind});border-color:var(--${kind}-line)` }), text)),
  el("span", { title: "Longer arrows show when one of their ends is chosen" }, "arrows: up to 9 lines"));
  $("keys").append(el("h2", {}, "Keys"), el("dl", {}, KEYS.flatMap(([key, text]) => [el("dt", {}, key), el("dd", {}, text)])),
    el("p", {}), el("button", { type: "button", onclick: () => $("keys").close() }, "close"));
  const act = { theme, help: () => $("keys").showModal(), fit, unfold: () => everything(true), fold: () => everything(false),
    closer: () => zoom(view.zoom * 1.25), farther: () => zoom(view.zoom / 1.25) };
  for (const [id, action] of Object.entries(act)) $(id).addEventListener("click", action);
  $("pane").addEventListener("scroll", scrolled);
  $("search").addEventListener("input", (event) => search(event.target.value));
  $("search").addEventListener("keydown", searchKey);
  $("ticks").addEventListener("pointerdown", (event) => {
    $("ticks").setPointerCapture(event.pointerId);
    stageFromPointer(event);
  });
  $("ticks").addEventListener("pointermove", (event) => event.buttons && stageFromPointer(event));
  document.addEventListener("keydown", (event) => {
    const isTyping = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName) || $("keys").open;
    if (!isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) step(event);
  });
  memorySection();
  codeSection();
  showTab("graph");
  openSome(70);
  summarise();
  drawTicks();
  drawChanges();
  drawNode();
  drawMemory();
  drawSpeed();
  drawFusion();
  fit();
  window.addEventListener("resize", fit);
}
begin();
