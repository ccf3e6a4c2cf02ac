// The data of the page, and what follows from it for each slot and stage. Nothing here changes.
export const D = JSON.parse(document.getElementById("data").textContent);
export const T = D.strings;
export const last = D.stages.length - 1;
export const SIGNS = { new: "+", changed: "~", gone: "−" };
export const PARTS = ["forward", "backward", "update"];

const born = (slot) => D.slots[slot].states[0].stage;
const isGone = (slot, stage) => D.slots[slot].gone !== undefined && D.slots[slot].gone[0] <= stage;
export const isThere = (slot, stage) => born(slot) <= stage && !isGone(slot, stage);

export function stateOf(slot, stage) {
  const states = D.slots[slot].states;
  let found = states[0];
  for (const state of states) if (state.stage <= stage) found = state;
  return found;
}
// The slot that stands for one that is gone into a twin.
export function standing(slot, stage) {
  let found = slot;
  while (isGone(found, stage) && D.slots[found].gone[1] >= 0) found = D.slots[found].gone[1];
  return found;
}
export const roleOf = (slot) => T[D.slots[slot].role].split(" ")[0];
export const isLeaf = (slot) => ["input", "parameter", "constant"].includes(roleOf(slot));
export const partOf = (slot) => PARTS[D.slots[slot].at[0]];

export const kernelOf = new Map();
D.kernels.forEach((kernel, number) => kernel.members.forEach((slot) => kernelOf.set(slot, number)));
export const byName = new Map();
D.slots.forEach((slot, number) => slot.states.forEach((state) => byName.set(state.name, number)));
export const updates = new Map(D.updates);
export const readers = D.slots.map(() => new Set());
D.slots.forEach((slot, number) =>
  slot.states.forEach((state) => state.reads.forEach((read) => readers[read].add(number))));

export function kernelsAt(stage) {
  for (let at = stage; at >= 0; at--) if (D.stages[at].kernels) return D.stages[at].kernels;
  return null;
}
// What a stage did to which slots: new, changed or gone.
export const marksAt = D.stages.map((stage, number) =>
  (number === 0 || stage.kind === "kernels" ? new Map()
    : stage.kind === "schedule" ? scheduledBy(stage, number) : rewrittenBy(number)));

function scheduledBy(stage, number) {
  const found = new Map(), before = new Map();
  for (const members of kernelsAt(number - 1) || [])
    for (const slot of members) before.set(slot, members.join());
  for (const members of stage.kernels)
    for (const slot of members)
      if ((before.get(slot) || String(slot)) !== members.join()) found.set(slot, "changed");
  const known = new Set((D.stages[number - 1].in_place || []).map(String));
  for (const pair of stage.in_place) if (!known.has(String(pair))) found.set(pair[0], "changed");
  return found;
}
function rewrittenBy(number) {
  const found = new Map();
  D.slots.forEach((slot, place) => {
    if (slot.gone && slot.gone[0] === number) found.set(place, "gone");
    else if (born(place) === number) found.set(place, "new");
    else if (slot.states.some((state) => state.stage === number)) found.set(place, "changed");
  });
  return found;
}
// What reads what at a stage: [tail, head, kind], of what is gone into a twin an arrow to it.
const known = new Map();
export function arrowsAt(stage) {
  if (!known.has(stage)) known.set(stage, [...arrows(stage)]);
  return known.get(stage);
}
function* arrows(stage) {
  for (const [head, slot] of D.slots.entries()) {
    if (born(head) > stage) continue;
    if (isGone(head, stage)) {
      if (slot.gone[0] === stage && slot.gone[1] >= 0) yield [head, slot.gone[1], "into"];
      continue;
    }
    for (const read of new Set(stateOf(head, stage).reads)) yield [standing(read, stage), head, ""];
  }
}
