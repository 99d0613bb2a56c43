// The cases of a suite: filters, heat map, list, and one case. What is shown lies in the address of the page.

class Explorer {
  /** @type {any} */ section;
  /** @type {HTMLElement} */ root;
  /** @type {boolean} */ isOnly;

  constructor(section, root, isOnly) {
    Object.assign(this, { section, root, isOnly, filter: { ...NO_FILTER } });
    section.variants.forEach(prepare);
    this.variant = section.variants[0];
    this.map = new HeatMap((number, field) => this.open(number, field));
    this.list = new CaseList((number, field) => this.open(number, field));
    this.view = new CaseView({
      close: () => this.close(), previous: () => this.step(-1), next: () => this.step(1),
      nextWrong: () => this.step(1, true), copy: copyLink, field: (field) => this.field(field),
    });
    this.counted = el("p", { class: "counted", role: "status" });
    this.controls = el("form", { class: "filters", role: "search", "aria-label": "Filter cases", onsubmit: (event) => event.preventDefault() });
    this.overview = el("div", { class: "overview" }, this.map.root, legend(), this.list.root);
    root.replaceChildren(el("h3", {}, "Cases"), this.controls, this.counted, this.overview, this.view.root);
    this.build();
  }

  build() {
    const { variant } = this;
    const groups = Object.entries(variant.groups).flatMap(([key, { names }]) => names.map((name) => `${key}: ${name}`));
    const statuses = [...new Set(variant.status)];
    const several = this.section.variants.length > 1;
    this.controls.replaceChildren(
      ...(several ? [this.select("variant", "Variant", this.section.variants.map((one) => [one.name, one.name]))] : []),
      el("label", {}, "Search", el("input", { type: "search", name: "q", placeholder: "case id ( / )", autocomplete: "off",
        oninput: (event) => this.change("q", event.target.value) })),
      this.select("field", "Field", [["", "all fields"], ...variant.fields.map((field) => [field, visible(field)])]),
      this.select("show", "Outcome", Object.entries(SHOWN)
        .filter(([name]) => variant.against.length || !["lost", "gained"].includes(name))),
      ...(variant.against.length > 1 ? [this.select("against", "Lost and gained against",
        variant.against.map((name, at) => [at ? name : "", name]))] : []),
      ...(groups.length ? [this.select("group", "Group", [["", "all cases"], ...groups.map((name) => [name, visible(name)])])] : []),
      this.select("status", "Status", [["", "any status"], ...statuses.map((name) => [name, name])]),
      this.select("order", "Order", [["", "as in the golden data"], ["worst", "most wrong first"]]),
      el("button", { type: "button", onclick: () => this.clear() }, "Clear"),
      el("button", { type: "button", onclick: showKeys }, "Keys", el("kbd", {}, "?")));
  }

  select(name, label, choices) {
    return el("label", {}, label, el("select", { name, onchange: (event) => this.change(name, event.target.value) },
      ...choices.map(([value, text]) => el("option", { value }, text))));
  }

  // Show what the address says.
  go(state) {
    const variant = this.section.variants.find((one) => one.name === state.variant) ?? this.section.variants[0];
    if (variant !== this.variant) {
      this.variant = variant;
      this.build();
    }
    const filter = Object.fromEntries(Object.keys(NO_FILTER).map((key) => [key, state[key === "field" ? "only" : key] ?? ""]));
    const key = JSON.stringify([variant.name, filter]);
    if (key !== this.key) {
      this.key = key;
      this.filter = filter;
      this.apply();
    }
    const number = state.case === undefined ? -1 : variant.ids.indexOf(state.case);
    this.number = number;
    this.overview.hidden = number >= 0;
    if (number >= 0) this.view.show(variant, number, state.field ?? "", this.view.number === number ? this.view.sample ?? 0 : 0);
    else this.view.root.hidden = true;
    if (state.case !== undefined && number < 0) this.counted.textContent = `There is no case ${visible(state.case)} here.`;
  }

  apply() {
    const { variant, filter } = this;
    holdAgainst(variant, filter.against);
    this.numbers = chosen(variant, filter);
    for (const control of this.controls.elements) {
      if (control.name === "variant") control.value = variant.name;
      else if (control.name && control.value !== filter[control.name]) control.value = filter[control.name];
    }
    this.counted.textContent = `${this.numbers.length.toLocaleString("en")} of ${count(variant.ids.length, "case")}`;
    this.map.set(variant, this.numbers);
    this.list.set(variant, this.numbers);
  }

  state() {
    const state = { suite: this.isOnly ? "" : this.section.title };
    state.variant = this.variant === this.section.variants[0] ? "" : this.variant.name;
    for (const [key, value] of Object.entries(this.filter)) state[key === "field" ? "only" : key] = value;
    return state;
  }

  change(name, value) {
    const state = this.state();
    state[name === "field" ? "only" : name] = value;
    if (name === "variant") Object.assign(state, { only: "", against: "", group: "", status: "" });
    replaceAddress(state);
  }

  clear() {
    replaceAddress({ ...this.state(), ...NO_FILTER, only: "", field: undefined });
  }

  open(number, field) {
    const isNew = this.number < 0;
    pushAddress({ ...this.state(), case: this.variant.ids[number], field });
    if (isNew) this.opened = number;
    this.root.scrollIntoView({ block: "start" });
    requestAnimationFrame(() => this.view.root.querySelector("h4")?.focus({ preventScroll: true }));
  }

  close() {
    const number = this.number;
    pushAddress(this.state());
    const at = this.numbers.indexOf(number);
    this.list.root.scrollTop = Math.max(0, at * HEIGHT - 100);
    this.list.render();
    this.list.rows.querySelector(`[data-number="${number}"]`)?.focus();
  }

  field(field) {
    replaceAddress({ ...this.state(), case: this.variant.ids[this.number], field });
    this.view.choose(field);
  }

  // The next case of the list, or the next one with something wrong.
  step(by, wrong = false) {
    const { variant, numbers } = this;
    let at = numbers.indexOf(this.number);
    if (at < 0 && by < 0) at = 0;
    do at += by; while (wrong && at < numbers.length && !variant.wrong[numbers[at]]);
    if (at < 0 || at >= numbers.length) return announce("There is no further case.");
    this.open(numbers[at], this.number >= 0 ? this.view.field ?? "" : "");
    announce(`case ${variant.ids[numbers[at]]}`);
  }
}

function legend() {
  const items = Object.entries(OUTCOMES).map(([letter, name]) =>
    el("li", {}, swatch(letter), name));
  return el("ul", { class: "legend", "aria-label": "Colours of the heat map" }, ...items,
    el("li", {}, swatch("lost"), "lost"));
}
