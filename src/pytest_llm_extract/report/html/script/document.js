// A document with the values of its case marked where they occur.

const MOST_MARKED = 500_000; // characters; a longer document is shown without marks

function documentText(input) {
  if (input === undefined || input === null) return null;
  return visible(typeof input === "string" ? input : JSON.stringify(input, null, 2));
}

// Marks are {start, end, kind, field}; where they overlap, those of the chosen field come first, then longer ones.
function marked(text, marks, chosenField) {
  const weight = (mark) => (mark.field === chosenField ? 2 : 0) + (mark.kind === "expected" ? 1 : 0);
  const order = [...marks].sort((a, b) => weight(b) - weight(a) || b.end - b.start - (a.end - a.start));
  const taken = new Uint8Array(text.length);
  const kept = [];
  for (const mark of order) {
    if (taken.subarray(mark.start, mark.end).includes(1)) continue;
    taken.fill(1, mark.start, mark.end);
    kept.push(mark);
  }
  kept.sort((a, b) => a.start - b.start);
  const parts = [];
  let end = 0;
  for (const mark of kept) {
    parts.push(text.slice(end, mark.start));
    const name = `${mark.kind}${mark.field === chosenField ? " chosen" : ""}`;
    parts.push(el("mark", { class: name, title: `${mark.field}: ${mark.kind}` }, text.slice(mark.start, mark.end)));
    end = mark.end;
  }
  return [...parts, text.slice(end)];
}

// Where the values of a case stand: the expected ones, and actual ones that are others.
function marksOf(text, rows) {
  if (text.length > MOST_MARKED) return [];
  const marks = [];
  const add = (value, kind, field) => {
    for (const [start, end] of placesOf(value, text)) marks.push({ start, end, kind, field });
  };
  for (const { field, now, before } of rows) {
    const leaf = now ?? before;
    for (const value of expectedValues(leaf[1])) add(value, "expected", field);
    if (now && WRONG.includes(now[0])) add(now[2], "actual", field);
  }
  return marks;
}

function expectedValues(value) {
  return value && Array.isArray(value.$any_of) ? value.$any_of : [value];
}

function fileView(file) {
  const link = el("a", { href: file.href, target: "_blank", rel: "noopener noreferrer" }, visible(file.name));
  const source = file.data ? `data:${file.type};base64,${file.data}` : file.beside ? file.href : null;
  if (source && /^image\/(png|jpeg|gif|webp)$/.test(file.type)) {
    return [el("p", {}, link), el("img", { src: source, alt: `document ${visible(file.name)}` })];
  }
  if (source && file.type === "application/pdf") {
    return [el("p", {}, link), el("iframe", { src: file.data ? pdfAddress(file) : file.href, title: visible(file.name) })];
  }
  return [el("p", {}, "document: ", link)];
}

function pdfAddress(file) {
  const bytes = Uint8Array.from(atob(file.data), (character) => character.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes], { type: "application/pdf" }));
}
