// One case: its document beside expected, before and now; then the raw answer, the request, and what it took.

class CaseView {
  /** @type {any} */ variant;
  /** @type {number} */ number;
  /** @type {any} what a chunk holds of the case */ found;

  constructor(actions) {
    this.actions = actions;
    this.root = el("article", { class: "case", hidden: true, "aria-label": "Case" });
  }

  async show(variant, number, field, sample) {
    const wanted = (this.wanted = {});
    const found = await loadCase(variant, number);
    if (this.wanted !== wanted) return; // another case was asked for meanwhile
    Object.assign(this, { variant, number, found, field });
    this.sample = Math.min(sample, found.samples.length - 1);
    const accepted = found.before?.[variant.chosen] ?? [];
    this.before = accepted[this.sample] ?? accepted[0];
    this.rows = rowsOf(variant, found.samples[this.sample], this.before);
    this.text = documentText(found.input);
    this.marks = this.text === null || found.file ? [] : marksOf(this.text, this.rows);
    const is = this.root.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).dataset.key : null;
    this.root.replaceChildren(this.head(), this.body(), this.more());
    this.root.hidden = false;
    this.choose(field, false);
    if (is) this.root.querySelector(`[data-key="${is}"]`)?.focus();
  }

  head() {
    const { variant, number, actions } = this;
    const sample = this.found.samples[this.sample];
    const button = (key, name, act) =>
      el("button", { type: "button", "data-key": key, onclick: act }, name, el("kbd", {}, key));
    const heading = el("h4", { tabindex: "-1" }, visible(variant.ids[number]));
    const status = el("span", { class: `chip ${sample.status === "ok" ? "c" : "i"}` }, sample.status);
    return el("header", {},
      el("div", { class: "buttons" }, button("Esc", "All cases", actions.close), button("k", "Previous", actions.previous),
        button("j", "Next", actions.next), button("n", "Next wrong", actions.nextWrong),
        el("button", { type: "button", onclick: actions.copy, "data-key": "copy" }, "Copy link")),
      el("div", { class: "title" }, heading, status,
        sample.error ? el("span", { class: "error" }, visible(sample.error)) : null),
      this.samples());
  }

  samples() {
    const n = this.found.samples.length;
    if (n < 2) return null;
    const choices = this.found.samples.map((one, at) => el("option", { value: at, selected: at === this.sample },
      `sample ${at + 1} of ${n}: ${one.status}`));
    return el("label", {}, "Sample ", el("select", { "data-key": "sample",
      onchange: (event) => this.show(this.variant, this.number, this.field, Number(event.target.value)) }, ...choices));
  }

  body() {
    const rows = this.rows.map((row, at) => this.row(row, at));
    const heads = ["field", "outcome", "expected", ...(this.before ? [this.variant.against.length > 1 ? this.variant.against[this.variant.chosen] : "before"] : []), "now"];
    const table = el("table", { class: "values" }, el("caption", { class: "unseen" }, "Values of this case"),
      el("thead", {}, el("tr", {}, ...heads.map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, ...rows));
    this.page = block("Document");
    const shown = this.found.file ? fileView(this.found.file)
      : this.text === null ? [el("p", { class: "about" }, "The document was left out of this report.")] : [this.page];
    this.placesLine = el("p", { class: "about" });
    return el("div", { class: "sides" }, el("div", { class: "document" }, ...shown, this.placesLine),
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Values" }, table));
  }

  row({ field, index, now, before }, at) {
    const letter = now ? now[0] : ".";
    const name = (visible(field) + (index === null ? "" : ` ${index + 1}`)).split(/(?<=[.\]])/).flatMap((part) => [part, el("wbr")]);
    const choose = el("button", { type: "button", class: "field", "data-field": field, "data-key": `field-${at}`,
      "aria-pressed": "false", onclick: () => this.actions.field(field) }, ...name);
    const expected = now ? now[1] : before[1];
    const moved = now && before && WRONG.includes(now[0]) !== WRONG.includes(before[0]);
    const outcome = now ? OUTCOMES[letter] : "not in the answer";
    return el("tr", { class: moved ? (WRONG.includes(letter) ? "lost" : "gained") : null },
      el("th", { scope: "row" }, choose),
      el("td", {}, el("span", { class: `chip ${letter === "." ? "n" : letter}` }, outcome),
        moved ? el("span", { class: "moved" }, WRONG.includes(letter) ? " lost" : " gained") : null,
        now?.[3] ? el("span", { class: "hint" }, ` ${hintWords(now[3])}`) : null),
      el("td", { class: "value" }, expected === undefined && isUnknown(now ?? before) ? "" : show(anyOf(expected))),
      this.before ? el("td", { class: "value" }, side(before)) : null,
      el("td", { class: "value" }, side(now)));
  }

  // Mark a field in the table and in the document, and bring its first place into view.
  choose(field, scroll = true) {
    this.field = field;
    for (const button of this.root.querySelectorAll("button.field")) {
      const is = button.dataset.field === field;
      button.setAttribute("aria-pressed", String(is));
      button.closest("tr").classList.toggle("chosen", is);
    }
    if (this.text !== null && !this.found.file) this.page.replaceChildren(...marked(this.text, this.marks, field));
    const first = this.page.querySelector("mark.chosen");
    if (first) this.page.scrollTop = Math.max(0, first.offsetTop - 60);
    const n = this.page.querySelectorAll("mark.chosen").length;
    this.placesLine.textContent = field && this.text !== null && !this.found.file
      ? `${visible(field)}: ${n ? `${count(n, "place")} in the document` : "not found in the document"}` : "";
    if (scroll) announce(this.placesLine.textContent);
  }

  // What was retrieved for this case, with its values marked like those of the document.
  passages() {
    if (this.found.passages === undefined) return [];
    const text = visible(this.found.passages);
    return [folded("Retrieved passages", [block("Retrieved passages", ...marked(text, marksOf(text, this.rows), this.field))], true)];
  }

  more() {
    const sample = this.found.samples[this.sample];
    const facts = [
      ["model", sample.model], ["tokens", sample.tokens && `${sample.tokens[0].toLocaleString("en")} in, ${sample.tokens[1].toLocaleString("en")} out`],
      ["cost", sample.cost === undefined ? null : `$${sample.cost.toPrecision(3)}`],
      ["latency", sample.latency === undefined ? null : `${sample.latency} s, as recorded`],
      ["attempt", sample.attempt], ["cassette", sample.cassette], ["group", this.found.group],
      ...Object.entries(this.found.metadata ?? {}),
    ].filter(([, value]) => value !== null && value !== undefined);
    const list = facts.flatMap(([name, value]) => [el("dt", {}, visible(name)), el("dd", {}, show(value))]);
    return el("div", { class: "more" }, el("dl", {}, ...list), ...this.passages(), ...answerView(sample), ...requestViews(sample));
  }
}

function answerView(sample) {
  if (sample.raw === undefined) return [];
  const lines = sample.explanation ? [el("ul", {}, ...sample.explanation.map((line) => el("li", {}, visible(line))))] : [];
  const raw = sample.raw === "" ? "(empty)" : visible(sample.raw);
  return [...lines, folded("Raw answer", [block("Raw answer", raw)], true)];
}

function requestViews(sample) {
  const all = sample.requests ?? [];
  return all.map((request, at) => folded(`Request${all.length > 1 ? ` ${at + 1}` : ""}: ${visible(request.to)}`, [
    ...request.turns.map(([role, text]) => el("div", { class: "turn" }, el("h5", {}, visible(role)),
      block(`message of ${visible(role)}`, visible(text)))),
    el("div", { class: "turn" }, el("h5", {}, "parameters"), block("Parameters of the request", visible(request.rest))),
  ], false));
}

function folded(title, children, isOpen) {
  return el("details", { open: isOpen }, el("summary", {}, title), ...children);
}

// What would have matched, as the scoring found it: `date`, `number:de`, `casefold+punctuation`, …
function hintWords(hint) {
  const [kind, detail] = visible(hint).split(/:(.*)/);
  const known = {
    date: "matches as a date", number: "matches as a number", unit: "differs in its unit", containment: "holds the right value",
    sibling: `is the value of the field ${detail}`, other_number: "is another number",
    prompt: `is in the ${detail} of the prompt`, label: "is the label", end: "is the end of the document", loop: "repeats itself",
    unread: "is right in another notation",
  };
  return known[kind] ?? `matches without ${kind.replaceAll("+", " and ").replace("casefold", "case")}`;
}

function isUnknown(leaf) {
  return leaf[1] === undefined && leaf[2] === undefined && !"ai".includes(leaf[0]);
}

function side(leaf) {
  return leaf && !isUnknown(leaf) ? show(leaf[2]) : "–";
}

function anyOf(value) {
  return value && Array.isArray(value.$any_of) ? value.$any_of.map(show).join(" or ") : value;
}

// The leaves of a case, each with the one of the baseline that is held against the same expected value.
function rowsOf(variant, sample, before) {
  const rows = [];
  const now = sample.fields ?? {};
  const paths = variant.fields.filter((field) => now[field] || before?.[field]);
  for (const field of [...paths, ...Object.keys(now).filter((path) => !variant.fields.includes(path))]) {
    const old = [...(before?.[field] ?? [])];
    const leaves = now[field] ?? [];
    const many = leaves.length > 1 || old.length > 1;
    leaves.forEach((leaf, at) => {
      const same = JSON.stringify(leaf[1]);
      const match = many ? old.findIndex((other) => JSON.stringify(other[1]) === same) : 0;
      rows.push({ field, index: many ? at : null, now: leaf, before: match >= 0 ? old.splice(match, 1)[0] : undefined });
    });
    old.forEach((leaf, at) => rows.push({ field, index: many ? leaves.length + at : null, now: undefined, before: leaf }));
  }
  return rows;
}
