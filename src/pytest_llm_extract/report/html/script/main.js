// The start: sections become tabs, names of cases become links, and the address says what is shown.

let explorers = [];
let sections = [];

// The state of the page as its address has it; what is empty is left out.
function address(changes, base = current().state()) {
  const pairs = Object.entries({ ...base, ...changes }).filter(([, value]) => value);
  return `#${new URLSearchParams(pairs)}`;
}

function pushAddress(state) {
  history.pushState(null, "", address(state, {}));
  route();
}

function replaceAddress(state) {
  history.replaceState(null, "", address(state, {}));
  route();
}

let shownSection = 0;

function current() {
  return explorers[shownSection];
}

function route() {
  const hash = location.hash.slice(1);
  const jump = hash.match(/^suite-(\d+)$/);
  if (hash === "results") return;
  const state = jump ? {} : Object.fromEntries(new URLSearchParams(hash));
  const named = jump ? Number(jump[1]) : sections.findIndex((section) => section.title === state.suite);
  shownSection = named >= 0 && named < sections.length ? named : 0;
  /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("section.suite")).forEach((section, at) => { section.hidden = at !== shownSection; });
  document.querySelectorAll("nav .suites a").forEach((link, at) => {
    if (at === shownSection) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  });
  current().go(state);
}

// In the tables that stand without script, the names of cases become links.
function linkCases() {
  document.querySelectorAll("section.suite").forEach((section, at) => {
    for (const cell of /** @type {NodeListOf<HTMLElement>} */ (section.querySelectorAll("[data-case]"))) {
      const { case: id, field, against } = cell.dataset;
      const { variants } = explorers[at].section;
      const { variant } = /** @type {HTMLElement} */ (cell.closest("[data-variant]")).dataset;
      const known = variants.find((one) => visible(one.name) === variant) ?? variants[0];
      const state = { ...explorers[at].state(), variant: known === variants[0] ? "" : known.name };
      state.against = known.against.indexOf(against) > 0 ? against : "";
      const real = known.ids.includes(id) ? id : known.ids.find((one) => visible(one) === id);
      if (real !== undefined) cell.replaceChildren(el("a", { href: address({ case: real, field }, state) }, visible(real)));
    }
  });
}

async function copyLink() {
  try {
    await navigator.clipboard.writeText(location.href);
    announce("The link was copied.");
  } catch {
    const field = el("input", { class: "link", value: location.href, readonly: true, "aria-label": "Link to this case" });
    document.querySelector("article.case .buttons").append(field);
    field.select();
    announce("Copy the link from the field.");
  }
}

function showKeys() {
  /** @type {HTMLDialogElement} */ (document.getElementById("keys")).showModal();
}

const KEYS = {
  j: ["next case", () => current().step(1)],
  k: ["previous case", () => current().step(-1)],
  n: ["next case with something wrong", () => current().step(1, true)],
  "/": ["search for a case", () => current().controls.elements.q.focus()],
  Escape: ["back to all cases", () => current().number >= 0 && current().close()],
  "?": ["these keys", showKeys],
};

function listen(event) {
  const target = event.target;
  const keys = /** @type {HTMLDialogElement} */ (document.getElementById("keys"));
  const isTyping = target.matches("input, select, textarea") || keys.open;
  if (event.key === "Escape" && target.matches("input")) target.blur();
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping || !KEYS[event.key]) return;
  if (!(/** @type {HTMLInputElement} */ (document.getElementById("letters")).checked) && event.key !== "Escape") return;
  event.preventDefault();
  KEYS[event.key][1]();
}

function dialog() {
  const rows = Object.entries(KEYS).map(([key, [what]]) => el("tr", {}, el("th", { scope: "row" }, el("kbd", {}, key)), el("td", {}, what)));
  const made = el("dialog", { id: "keys", "aria-labelledby": "keys-title" }, el("h2", { id: "keys-title" }, "Keys"),
    el("table", {}, el("tbody", {}, ...rows)),
    el("p", {}, "In the heat map, arrow keys move and Enter opens the case."),
    el("label", {}, el("input", { type: "checkbox", id: "letters", checked: true }), " single keys are on"),
    el("form", { method: "dialog" }, el("button", {}, "Close")));
  return made;
}

async function start() {
  document.body.append(el("div", { id: "live", class: "unseen", "aria-live": "polite" }), dialog());
  sections = await open("index");
  explorers = sections.map((section, at) =>
    new Explorer(section, document.querySelector(`[data-section="${at}"]`), sections.length === 1));
  if (sections.length) {
    linkCases();
    addEventListener("hashchange", route);
    addEventListener("popstate", route);
    addEventListener("keydown", listen);
    route();
  }
  document.documentElement.classList.add("ready");
  performance.mark("usable");
}

start();
