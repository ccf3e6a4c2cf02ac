// What the reader looks at: a stage, a slot, which scopes are open, sizes. Whoever shows some of it watches it.
import { D, T, last, stateOf } from "./data.js";
import { chainOf, opening, pathOf, scopesOfLines } from "./folding.js";
import { evaluated, scaled, written } from "./numbers.js";

export const view = { stage: last, slot: -1, open: new Set([0]), sizes: Object.fromEntries(D.symbols) };
const watchers = [];

// Calls `act` after each change of one of these: "stage", "slot", "open", "sizes", "kernel".
export function watch(kinds, act) {
  watchers.push([kinds, act]);
}
function tell(kind) {
  for (const [kinds, act] of watchers) if (kinds.includes(kind)) act(kind);
}
export function goto(stage) {
  const to = Math.min(Math.max(stage, 0), last);
  if (to === view.stage) return;
  view.before = view.stage;
  view.stage = to;
  tell("stage");
}
export function choose(slot) {
  view.slot = slot;
  if (slot >= 0) for (const scope of chainOf(D.scopes, D.slots[slot].at[4])) view.open.add(scope);
  tell("slot");
}
export function toggle(scope) {
  if (view.open.has(scope)) view.open.delete(scope);
  else view.open.add(scope);
  tell("open");
}
export function everything(isOpen) {
  view.open = new Set(isOpen ? D.scopes.keys() : [0]);
  tell("open");
}
export function resize(name, size) {
  view.sizes[name] = Math.max(1, Math.round(size) || 1);
  tell("sizes");
}

export const polynomial = (number) => evaluated(D.polynomials[number], view.sizes);
export const polynomialText = (number) => written(D.polynomials[number]);
export const bytes = (number) => scaled(polynomial(number), "B");
export const nameOf = (slot, stage = view.stage) => stateOf(slot, stage).name;

// ---- what is in which scope and on which line ----
export const scopeOfLine = scopesOfLines(D.scopes);
export const slotsOfScope = D.scopes.map(() => []);
export const slotsOfLine = scopeOfLine.map(() => []);
D.slots.forEach((slot, number) => {
  slotsOfLine[slot.at[3]].push(number);
  for (const scope of chainOf(D.scopes, slot.at[4])) slotsOfScope[scope].push(number);
});
export const pathOfSlot = (slot) => pathOf(D.scopes, D.slots[slot].at[4]);

export function kernelTitle(number) {
  const kernel = D.kernels[number];
  const words = kernel.members.slice(0, 4).map((slot) => T[stateOf(slot, last).op]).join(", ");
  return `kernel ${number}: ${words}${kernel.members.length > 4 ? ", …" : ""}`;
}

// Opens the parts from the outside in, while everything still is about a screen or two; updates stay closed, and
// of parts that repeat all but the first.
export function openSome(most) {
  view.open = opening(D.scopes, (scope) => {
    const [, parent, first] = D.scopes[scope];
    if (parent >= 0 && D.scopes[parent][4] && D.scopes[parent][2] !== first) return Infinity;
    if (slotsOfScope[scope].every((slot) => D.slots[slot].at[0] === 2)) return Infinity;
    const own = slotsOfScope[scope].filter((slot) => D.slots[slot].at[4] === scope).length;
    return own ? Math.min(D.scopes[scope][3] - D.scopes[scope][2] + 1, own) : 2;
  }, most);
}
