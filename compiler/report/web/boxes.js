// What the boxes of slots, and of folded parts, say.
import { D, SIGNS, T, isThere, roleOf, stateOf, updates } from "./data.js";
import { boxOf } from "./graph.js";
import { counted, cut } from "./numbers.js";
import { choose } from "./view.js";

export function drawSlot(place, stage, marks) {
  const { slot, width } = place, state = stateOf(slot, stage), mark = marks.get(slot);
  const look = mark || (isThere(slot, stage) ? (marks.size ? "dim" : "") : "absent");
  return boxOf(place, {
    looks: [roleOf(slot), look], of: [slot], head: T[state.op], name: cut(state.name, 30), title: state.line,
    what: cut(T[state.short], Math.floor(width / 4.6)), badge: updates.has(slot) ? "↻" : "", sign: SIGNS[mark],
    act: () => choose(slot),
  });
}
// What a folded part is made of: how many ops of each kind, the most frequent first.
export function wordsOf(slots, stage) {
  const words = new Map();
  for (const slot of slots) {
    const word = T[stateOf(slot, stage).op];
    if (isThere(slot, stage) && !["input", "parameter", "constant"].includes(word)) words.set(word, (words.get(word) || 0) + 1);
  }
  const sorted = [...words].toSorted((a, b) => b[1] - a[1]);
  const text = sorted.map(([word, count]) => (count > 1 ? count + " " : "") + word).join(", ");
  return [sorted.reduce((sum, [, count]) => sum + count, 0), text];
}
// Of parts that repeat what is in each, where it is as much in all.
export function countedIn(scope, count, word) {
  const repeats = D.scopes[scope][4] || 1;
  return repeats > 1 && count % repeats === 0 ? `${counted(count / repeats, word)} each` : counted(count, word);
}
