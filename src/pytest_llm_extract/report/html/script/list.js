// The list of cases: a table of which only the rows in view are in the page.

const HEIGHT = 34;
const MARGIN = 8;

class CaseList {
  /** @type {number} */ shown;

  constructor(pick) {
    this.pick = pick;
    this.above = el("tbody", { "aria-hidden": "true" }, el("tr", {}, el("td", { colspan: "5" })));
    this.rows = el("tbody");
    this.below = el("tbody", { "aria-hidden": "true" }, el("tr", {}, el("td", { colspan: "5" })));
    const heads = ["case", "status", "wrong fields", "lost and gained", "group"];
    this.table = el("table", { class: "cases" },
      el("thead", {}, el("tr", {}, ...heads.map((name) => el("th", { scope: "col" }, name)))),
      this.above, this.rows, this.below);
    this.root = el("div", {
      class: "list", tabindex: "0", role: "region", "aria-label": "Cases", onscroll: () => this.render(),
    }, this.table);
    new ResizeObserver(() => this.render()).observe(this.root);
  }

  set(variant, numbers) {
    this.variant = variant;
    this.numbers = numbers;
    this.first = -1;
    this.root.scrollTop = 0;
    this.table.setAttribute("aria-rowcount", String(numbers.length + 1));
    this.table.classList.toggle("unmoved", !/[-+]/.test(variant.moved));
    this.table.classList.toggle("ungrouped", !Object.keys(variant.groups).length);
    this.render();
  }

  render() {
    if (!this.variant) return;
    const shown = Math.ceil((this.root.clientHeight || 400) / HEIGHT) + 2 * MARGIN;
    const first = Math.max(0, Math.floor(this.root.scrollTop / HEIGHT) - MARGIN);
    if (first === this.first && shown === this.shown) return;
    [this.first, this.shown] = [first, shown];
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.number;
    const last = Math.min(this.numbers.length, first + Math.min(shown, 90));
    const rows = [];
    for (let at = first; at < last; at++) rows.push(this.row(at));
    this.rows.replaceChildren(...rows);
    this.above.hidden = first === 0;
    this.below.hidden = last >= this.numbers.length;
    this.above.firstChild.style.height = `${first * HEIGHT}px`;
    this.below.firstChild.style.height = `${Math.max(0, this.numbers.length - last) * HEIGHT}px`;
    if (focused !== undefined) this.rows.querySelector(`[data-number="${focused}"]`)?.focus({ preventScroll: true });
  }

  row(at) {
    const { variant } = this;
    const number = this.numbers[at];
    const from = number * variant.fields.length;
    const wrong = variant.fields.filter((_, field) => WRONG.includes(variant.now[from + field]));
    const moved = variant.moved.slice(from, from + variant.fields.length);
    const [lost, gained] = [moved.split("-").length - 1, moved.split("+").length - 1];
    const link = el("a", {
      href: address({ case: variant.ids[number], field: "" }), "data-number": number,
      onclick: (event) => { event.preventDefault(); this.pick(number, ""); },
    }, visible(variant.ids[number]));
    const status = variant.status[number];
    return el("tr", { "aria-rowindex": at + 2 },
      el("th", { scope: "row" }, link),
      el("td", {}, el("span", { class: `chip ${status === "ok" ? "c" : "i"}` }, status)),
      el("td", { class: "fields", title: wrong.join(", ") }, wrong.length ? visible(wrong.join(", ")) : "none"),
      el("td", { class: "moves" }, lost ? el("span", { class: "chip w" }, `−${lost} lost`) : null,
        gained ? el("span", { class: "chip c" }, `+${gained} gained`) : null),
      el("td", { class: "fields" }, visible(groupOf(variant, number))));
  }
}

function groupOf(variant, number) {
  return Object.values(variant.groups).filter(({ of }) => of[number] >= 0)
    .map(({ names, of }) => names[of[number]]).slice(0, 3).join(" · ");
}
