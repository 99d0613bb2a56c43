// The heat map: a row for each field, a column for each listed case (or several, of which the worst one shows).

const ROW = 18;
const WORST = "iwsmca.";

class HeatMap {
  constructor(pick) {
    this.pick = pick;
    this.canvas = el("canvas");
    this.names = el("ol", { class: "names", "aria-hidden": "true" });
    this.box = el("div", {
      class: "cells", tabindex: "0", role: "application", "aria-roledescription": "heat map",
      onmousemove: (event) => this.hover(event), onclick: (event) => this.click(event),
      onkeydown: (event) => this.key(event), onfocus: () => this.said(), onmouseleave: () => this.tip(null),
      onblur: () => this.tip(null),
    }, this.canvas);
    this.swatches = Object.keys(OUTCOMES).map((letter) => [letter, swatch(letter)]); // a canvas has no classes of its own
    this.label = el("p", { class: "tip" }, "\u00a0");
    this.root = el("div", { class: "heatmap" }, el("div", { class: "map" }, this.names, this.box), this.label,
      el("div", { hidden: true }, ...this.swatches.map(([, made]) => made)));
    this.column = 0;
    this.row = 0;
    new ResizeObserver(() => this.draw()).observe(this.box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  set(variant, numbers) {
    this.variant = variant;
    this.numbers = numbers;
    this.column = Math.min(this.column, Math.max(0, numbers.length - 1));
    this.row = Math.min(this.row, Math.max(0, variant.fields.length - 1));
    this.names.replaceChildren(...variant.fields.map((field) => el("li", { title: field }, visible(field))));
    this.root.hidden = variant.fields.length === 0;
    this.box.setAttribute("aria-label",
      `${count(numbers.length, "case")}, ${count(variant.fields.length, "field")}; arrow keys move, Enter opens the case`);
    this.draw();
  }

  draw() {
    if (!this.variant || this.root.hidden) return;
    const { variant, numbers, canvas } = this;
    const width = this.box.clientWidth;
    const height = variant.fields.length * ROW;
    if (!width) return;
    const scale = window.devicePixelRatio || 1;
    canvas.width = width * scale;
    canvas.height = height * scale;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    this.step = Math.min(24, width / Math.max(1, numbers.length));
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const colours = this.colours();
    const columns = Math.min(numbers.length, Math.floor(width));
    for (let row = 0; row < variant.fields.length; row++) {
      const [worst, lost] = this.shown(row, columns);
      this.stripe(pen, worst, (rank) => colours[WORST[rank]], row * ROW + 1, ROW - 2);
      this.stripe(pen, lost, (is) => (is ? colours.lost : null), row * ROW + ROW - 5, 4);
    }
    if (document.activeElement === this.box) this.frame(pen, colours.frame);
  }

  // The worst outcome of a field in the cases that each column stands for, and whether it was lost in one of them.
  shown(row, columns) {
    const { variant, numbers } = this;
    const n = numbers.length;
    const fields = variant.fields.length;
    const worst = new Uint8Array(columns).fill(WORST.length - 1);
    const lost = new Uint8Array(columns);
    for (let column = 0; column < columns; column++) {
      const to = Math.max(Math.floor(((column + 1) * n) / columns), 1);
      for (let index = Math.floor((column * n) / columns); index < to; index++) {
        const cell = numbers[index] * fields + row;
        if (variant.ranks[cell] < worst[column]) worst[column] = variant.ranks[cell];
        if (variant.lost[cell]) lost[column] = 1;
      }
    }
    return [worst, lost];
  }

  // One line of rectangles; columns of one colour that touch each other are one of them.
  stripe(pen, values, colourOf, top, high) {
    const gap = this.step >= 4 ? 1 : 0;
    const step = Math.max(1, this.step);
    for (let from = 0, to; from < values.length; from = to) {
      for (to = from + 1; !gap && to < values.length && values[to] === values[from];) to++;
      const colour = colourOf(values[from]);
      if (!colour) continue;
      pen.fillStyle = colour;
      pen.fillRect(from * step, top, (to - from) * step - gap, high);
    }
  }

  frame(pen, colour) {
    pen.strokeStyle = colour;
    pen.lineWidth = 2;
    pen.strokeRect(this.column * this.step - 1, this.row * ROW, Math.max(this.step, 3) + 1, ROW);
  }

  colours() {
    const found = Object.fromEntries(this.swatches.map(([letter, swatch]) => [letter, getComputedStyle(swatch).backgroundColor]));
    const ink = getComputedStyle(this.box).color;
    return { ...found, lost: ink, frame: ink };
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / this.step);
    const row = Math.floor((event.clientY - box.top) / ROW);
    const inside = column >= 0 && column < this.numbers.length && row >= 0 && row < this.variant.fields.length;
    return inside ? [column, row] : null;
  }

  hover(event) {
    this.tip(this.place(event));
  }

  click(event) {
    const place = this.place(event);
    if (!place) return;
    [this.column, this.row] = place;
    this.open();
  }

  key(event) {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === "Enter" || event.key === " ") this.open();
    else if (event.key === "Home") this.column = 0;
    else if (event.key === "End") this.column = Math.max(0, this.numbers.length - 1);
    else if (move) {
      this.column = Math.max(0, Math.min(this.numbers.length - 1, this.column + move[0]));
      this.row = Math.max(0, Math.min(this.variant.fields.length - 1, this.row + move[1]));
    } else return;
    event.preventDefault();
    event.stopPropagation();
    this.said();
  }

  said() {
    this.draw();
    this.tip([this.column, this.row]);
    announce(this.label.textContent);
  }

  open() {
    if (this.numbers.length) this.pick(this.numbers[this.column], this.variant.fields[this.row]);
  }

  tip(place) {
    const { variant } = this;
    if (!place || !this.numbers.length) {
      this.label.textContent = "\u00a0";
      return;
    }
    const number = this.numbers[place[0]];
    const cell = number * variant.fields.length + place[1];
    const moved = { "-": ", lost", "+": ", gained", ".": "" }[variant.moved[cell]];
    this.label.textContent =
      `${visible(variant.ids[number])} · ${visible(variant.fields[place[1]])}: ${OUTCOMES[variant.now[cell]]}${moved}`;
  }
}
