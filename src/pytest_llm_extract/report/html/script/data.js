// Data: blocks of the page that no browser runs, JSON that is compressed and in base64. A chunk is opened once.

const CHUNK = 100;
const opened = new Map();

function open(name) {
  if (!opened.has(name)) opened.set(name, read(name));
  return opened.get(name);
}

async function read(name) {
  const text = document.getElementById(name).textContent;
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

// One case of a variant, with its document and all of its samples.
async function loadCase(variant, at) {
  const cases = await open(`chunk-${variant.number}-${Math.floor(at / CHUNK)}`);
  return cases[at % CHUNK];
}
