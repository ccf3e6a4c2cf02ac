// Which lines of an outline are open, and where they are. Pure: scopes are [name, parent, first, last, repeats].
export const LINE = 46;
export const BOX = 34;
const HEAD = 24, FOOT = 8;

// The scope of each line: the innermost one.
export function scopesOfLines(scopes) {
  const found = [];
  scopes.forEach(([, , first, end], number) => {
    for (let line = first; line <= end; line++) found[line] = number;
  });
  return found;
}

export function chainOf(scopes, scope) {
  const found = [];
  for (let at = scope; at >= 0; at = scopes[at][1]) found.unshift(at);
  return found;
}

// `blocks.2.query`: what only counts repeats has no name of its own.
export const pathOf = (scopes, scope) =>
  chainOf(scopes, scope).filter((at) => at > 0 && !scopes[at][4]).map((at) => scopes[at][0]).join(".");

// The lines and folded scopes that are shown, with their y, and the frames around them.
export function outlineOf(scopes, scopeOfLine, open) {
  const items = [], frames = [], opened = [];
  let y = HEAD, line = 0, chain = [];
  const close = (until) => {
    while (opened.length && scopes[opened.at(-1).scope][3] < until) {
      y += FOOT;
      opened.pop().bottom = y - 4;
    }
  };
  while (line < scopeOfLine.length) {
    close(line);
    if (scopeOfLine[line] !== chain.at(-1)) chain = chainOf(scopes, scopeOfLine[line]);
    const closed = chain.find((scope) => !open.has(scope));
    for (const scope of chain) {
      if (scope === closed) break;
      if (scope === 0 || scopes[scope][2] !== line) continue;
      const frame = { scope, top: y, depth: opened.length };
      frames.push(frame);
      opened.push(frame);
      y += HEAD;
    }
    items.push(closed === undefined ? { line, y: y + BOX / 2 } : { scope: closed, y: y + BOX / 2 });
    line = closed === undefined ? line + 1 : scopes[closed][3] + 1;
    y += LINE;
  }
  close(Infinity);
  return { items, frames, height: y };
}

// The scopes to begin with: opened from the outside in, while `costOf` what is open stays within `most` lines.
export function opening(scopes, costOf, most) {
  const inside = scopes.map(() => []);
  scopes.forEach(([, parent], number) => parent >= 0 && inside[parent].push(number));
  const open = new Set([0]), queue = [0];
  let count = 0;
  for (const scope of queue) {
    for (const child of inside[scope]) {
      const cost = costOf(child);
      if (count + cost > most) continue;
      count += cost;
      open.add(child);
      queue.push(child);
    }
  }
  return open;
}
