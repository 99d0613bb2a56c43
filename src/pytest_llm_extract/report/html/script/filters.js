// Which cases are listed. A filter is plain data, and lies in the address of the page.

const NO_FILTER = { q: "", field: "", show: "", against: "", group: "", status: "", order: "" };
const SHOWN = {
  "": "any outcome", wrong: "anything wrong", lost: "lost", gained: "gained", c: "correct", w: "wrong value",
  m: "missing", s: "spurious", a: "rightly absent", i: "no usable answer",
};

// The numbers of the cases that a filter lets through, in their order.
function chosen(variant, filter) {
  const fields = variant.fields.length;
  const at = filter.field ? variant.fields.indexOf(filter.field) : -1;
  const [from, to] = at >= 0 ? [at, at + 1] : [0, fields];
  const test = cellTest(variant, filter.show);
  const [key, name] = splitGroup(variant, filter.group);
  const words = filter.q.toLowerCase();
  const found = [];
  for (let number = 0; number < variant.ids.length; number++) {
    if (words && !variant.lower[number].includes(words)) continue;
    if (filter.status && variant.status[number] !== filter.status) continue;
    if (key && variant.groups[key].of[number] !== name) continue;
    if (test && !some(test, number * fields + from, number * fields + to)) continue;
    found.push(number);
  }
  return filter.order === "worst" ? found.sort((a, b) => variant.wrong[b] - variant.wrong[a] || a - b) : found;
}

function some(test, from, to) {
  for (let cell = from; cell < to; cell++) if (test(cell)) return true;
  return false;
}

function cellTest(variant, show) {
  if (!show) return null;
  if (show === "lost") return (cell) => variant.lost[cell] === 1;
  if (show === "gained") return (cell) => variant.moved[cell] === "+";
  if (show === "wrong") return (cell) => WRONG.includes(variant.now[cell]);
  return (cell) => variant.now[cell] === show;
}

// `layout: columns` as the key and the number of its value; a group that is not there chooses nothing.
function splitGroup(variant, group) {
  if (!group) return [null, null];
  for (const [key, { names }] of Object.entries(variant.groups)) {
    const at = names.findIndex((name) => `${key}: ${name}` === group);
    if (at >= 0) return [key, at];
  }
  return [null, null];
}

// Lost and gained are against one of several accepted runs; the first one unless another is chosen.
function holdAgainst(variant, name) {
  variant.chosen = Math.max(0, variant.against.indexOf(name));
  const moved = variant.moves[variant.chosen] ?? ".".repeat(variant.now.length);
  if (moved === variant.moved) return;
  variant.moved = moved;
  variant.lost = Uint8Array.from(moved, (sign) => Number(sign === "-"));
}

// What is counted once for each case: the fields that are wrong, in lower case its id.
function prepare(variant) {
  const fields = variant.fields.length;
  holdAgainst(variant, "");
  variant.ranks = Uint8Array.from(variant.now, (letter) => WORST.indexOf(letter));
  variant.lower = variant.ids.map((id) => id.toLowerCase());
  variant.wrong = variant.ids.map((_, number) => {
    let wrong = 0;
    for (let cell = number * fields; cell < (number + 1) * fields; cell++) wrong += Number(WRONG.includes(variant.now[cell]));
    return wrong;
  });
  return variant;
}
