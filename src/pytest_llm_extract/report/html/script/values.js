// Elements, and values as text. Everything that is shown goes through `textContent`.

const OUTCOMES = {
  c: "correct", a: "rightly absent", w: "wrong", m: "missing", s: "spurious", i: "no usable answer", ".": "not labelled",
};
const WRONG = "wmsi";
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

function el(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "class") made.className = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Characters that move text about or hide in it, as escapes; line ends and tabs stay.
function visible(text) {
  return text.replace(/\r\n?/g, "\n").replace(UNPRINTABLE, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
  });
}

// A string as it is, nothing as ∅, any other value as JSON.
function show(value) {
  if (value === null || value === undefined) return "∅";
  return visible(typeof value === "string" && value.trim() ? value : JSON.stringify(value)); // blank: in quotes
}

// A text with its line ends, which scrolls where it is long, also with the keyboard.
function block(name, ...content) {
  return el("pre", { class: "text", tabindex: "0", role: "group", "aria-label": name }, ...content);
}

function swatch(letter) {
  return el("span", { class: `swatch ${letter === "." ? "n" : letter}`, "aria-hidden": "true" });
}

function count(number, word) {
  return `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
}

function announce(text) {
  document.getElementById("live").textContent = text;
}
