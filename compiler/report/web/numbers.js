// Numbers as they are read: polynomials in the sizes of symbolic dimensions, short forms with units.

// A number is itself; a polynomial is a list of [factor, symbol, power, ...].
export function evaluated(found, sizes) {
  if (typeof found === "number") return found;
  let total = 0;
  for (const [coefficient, ...factors] of found) {
    let term = coefficient;
    for (let k = 0; k < factors.length; k += 2) term *= sizes[factors[k]] ** factors[k + 1];
    total += term;
  }
  return total;
}

export function written(found) {
  if (typeof found === "number") return found.toLocaleString("en");
  const terms = found.map(([coefficient, ...factors]) => {
    const names = [];
    for (let k = 0; k < factors.length; k += 2)
      names.push(factors[k] + (factors[k + 1] > 1 ? "^" + factors[k + 1] : ""));
    return [...(coefficient === 1 && names.length ? [] : [coefficient.toLocaleString("en")]), ...names].join("·");
  });
  return terms.toReversed().join(" + ").replaceAll("+ -", "- ");
}

const PREFIXES = [["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3]];

export function scaled(count, unit) {
  for (const [prefix, size] of PREFIXES)
    if (count >= size) return Number((count / size).toPrecision(3)) + " " + prefix + unit;
  return (Number(count.toPrecision(3)) + " " + unit).trimEnd();
}
export const micro = (us) =>
  (us >= 1000 ? Number((us / 1000).toPrecision(3)) + " ms" : Number(us.toPrecision(3)) + " µs");
export const counted = (count, word) => count + " " + word + (count === 1 ? "" : "s");
export const cut = (text, most) => (text.length > most ? text.slice(0, Math.max(most - 1, 0)) + "…" : text);

// The numbers under an axis of so many steps: some twelve, round ones.
export function ticks(count) {
  const at = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find((size) => count / size <= 13) || count;
  return Array.from({ length: Math.ceil(count / at) }, (_, k) => k * at);
}
