// Where a value occurs in a document: strings with any white space and case, numbers and dates in their notations.

const NUMBER = /(?<![\w.,])[-−+]?\d[\d.,'’ \u00a0\u202f]*(?<=\d)/g;
const LANGUAGES = ["en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "nb", "fi", "cs"];
const MOST_PLACES = 200;
let months = null;

// The places of a value in a text, as pairs of start and end.
function placesOf(value, text) {
  if (value === null || value === undefined || value === "") return [];
  if (typeof value === "object") {
    return Object.values(value).flatMap((part) => placesOf(part, text)).slice(0, MOST_PLACES);
  }
  const written = String(value).trim();
  const date = written.match(/^(\d{4})-(\d{2})-(\d{2})(?:T.*)?$/);
  const patterns = date ? [literal(written), ...dates(/** @type {any} */ (date))] : [literal(written)];
  let found = patterns.flatMap((pattern) => matches(pattern, text));
  if (found.length === 0) found = writtenDates(written).flatMap(dates).flatMap((pattern) => matches(pattern, text));
  if (found.length === 0 && /^[-+]?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(written)) return numbers(Number(written), text);
  return found.slice(0, MOST_PLACES);
}

function matches(pattern, text) {
  const found = [];
  for (const match of text.matchAll(pattern)) {
    if (match[0]) found.push([match.index, match.index + match[0].length]);
    if (found.length >= MOST_PLACES) break;
  }
  return found;
}

// A string that begins or ends with a letter or digit does not match inside a word or a number.
function literal(written) {
  const body = visible(written).trim().split(/\s+/).map(escaped).join("\\s+");
  const before = /^[\p{L}\p{N}]/u.test(written) ? "(?<![\\p{L}\\p{N}])(?<!\\d[.,])" : "";
  const after = /[\p{L}\p{N}]$/u.test(written) ? "(?![\\p{L}\\p{N}])(?![.,]\\d)" : "";
  return new RegExp(before + body + after, "giu");
}

function escaped(text) {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

function numbers(value, text) {
  const found = [];
  for (const match of text.matchAll(NUMBER)) {
    if (readings(match[0]).some((number) => number === value)) found.push([match.index, match.index + match[0].length]);
    if (found.length >= MOST_PLACES) break;
  }
  return found;
}

// What a number may mean: the last point or comma before one, two or more digits may be the decimal one.
function readings(written) {
  const plain = written.replace(/[−]/g, "-").replace(/[ '’\u00a0\u202f]/g, "");
  const whole = Number(plain.replace(/[.,]/g, ""));
  const last = Math.max(plain.lastIndexOf("."), plain.lastIndexOf(","));
  if (last < 0) return [whole];
  const decimal = Number(`${plain.slice(0, last).replace(/[.,]/g, "")}.${plain.slice(last + 1)}`);
  return plain.length - last - 1 === 3 ? [whole, decimal] : [decimal];
}

function dates([, year, month, day]) {
  const y = `(?:${year}|['’]?${year.slice(2)})`;
  const m = `0?${Number(month)}`;
  const d = `0?${Number(day)}`;
  const names = monthNames()[Number(month) - 1].map(escaped).join("|");
  const s = "\\s*[-./ ]\\s*";
  const named = `(?:${names})\\.?`;
  const forms = [
    `${year}${s}${m}${s}${d}`,
    `${d}${s}${m}\\.?${s}${y}`,
    `${m}${s}${d}${s}${y}`,
    `${d}(?:st|nd|rd|th|\\.|er|º)?\\s*(?:of |de )?[-/ ]?${named}\\s*,?\\s*(?:de )?[-/ ]?${y}`,
    `${named}\\s*${d}(?:st|nd|rd|th)?,?\\s*${y}`,
    `(?:the )?${d}(?:st|nd|rd|th)?\\s+day\\s+of\\s+${named}\\s*,?\\s*${y}`,
    `${year}${month}${day}`,
  ];
  return forms.map((form) => new RegExp(`(?<!\\d)${form}(?!\\d)`, "giu"));
}

// What a date that a person wrote may mean: `2/3/91` is the second of March, or the third of February.
function writtenDates(written) {
  const parts = written.match(/^(\d{1,2})[-./](\d{1,2})[-./](\d{2}|\d{4})$/);
  if (parts) {
    const [, one, two, year] = parts;
    const y = year.length === 4 ? year : `${Number(year) > 68 ? 19 : 20}${year}`;
    const twoDigits = (number) => number.padStart(2, "0");
    return [[one, two], [two, one]].filter(([month]) => month >= 1 && month <= 12)
      .map(([month, day]) => ["", y, twoDigits(month), twoDigits(day)]);
  }
  const time = /\p{L}{3}/u.test(written) && /\d{4}/.test(written) && written.length < 40 ? Date.parse(`${written} UTC`) : NaN;
  if (Number.isNaN(time)) return [];
  const [year, month, day] = new Date(time).toISOString().slice(0, 10).split("-");
  return [["", year, month, day]];
}

function monthNames() {
  months ??= Array.from({ length: 12 }, (_, month) => {
    const date = new Date(Date.UTC(2026, month, 15));
    const names = new Set();
    for (const language of LANGUAGES) {
      for (const length of ["long", "short"]) {
        for (const options of [{ month: length }, { month: length, day: "numeric" }]) {
          const parts = new Intl.DateTimeFormat(language, { .../** @type {any} */ (options), timeZone: "UTC" }).formatToParts(date);
          const name = parts.find((part) => part.type === "month")?.value.replace(/\.$/, "");
          if (name && /\p{L}/u.test(name)) names.add(name);
        }
      }
    }
    return [...names].sort((a, b) => b.length - a.length);
  });
  return months;
}
