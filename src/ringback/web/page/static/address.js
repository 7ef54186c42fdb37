// What the page shows stands in its address: list, range, what to find, page. So back, reload and sharing work.
export const RING_BACK = "ring_back";
export const OUT_MISSED = "out_missed";
export const LISTS = [RING_BACK, OUT_MISSED];
export const RANGES = ["today", "yesterday", "7", "30"];
const DEFAULTS = { [RING_BACK]: "30", [OUT_MISSED]: "7" }; // what is left to do goes further back than what has happened
const KNOWN = ["range", "from", "to", "of", "find", "page"];
const LIKE_DAY = /^\d{4,6}-\d{2}-\d{2}$/; // what a field for a day may hold: years to come have more digits
const NO_TIME = { from: 0, to: -1 };

// {list: one of LISTS, range: one of RANGES or "days", from, to (YYYY-MM-DD, for "days"), of, find, page}
export function read(search = location.search) {
  const given = new URLSearchParams(search);
  const page = Number(given.get("page"));
  const days = ["from", "to"].every((name) => LIKE_DAY.test(given.get(name)));
  const list = listOf(given);
  return {
    list,
    range: days ? "days" : RANGES.includes(given.get("range")) ? given.get("range") : DEFAULTS[list],
    from: days ? given.get("from") : "",
    to: days ? given.get("to") : "",
    of: (given.get("of") || "").slice(0, 64), // whose calls, for supervisors
    find: printable(given.get("find") || "").slice(0, 64),
    page: Number.isSafeInteger(page) && page > 0 ? page : 1,
  };
}

// An address that names no list is from when there was one alone, and leads there; the bare one is where work begins.
function listOf(given) {
  if (LISTS.includes(given.get("list"))) return given.get("list");
  return KNOWN.some((name) => given.has(name)) ? OUT_MISSED : RING_BACK;
}

export function write(shown) {
  const kept = new URLSearchParams({ list: shown.list });
  if (shown.range === "days") {
    kept.set("from", shown.from);
    kept.set("to", shown.to);
  } else if (shown.range !== DEFAULTS[shown.list]) kept.set("range", shown.range);
  if (shown.of) kept.set("of", shown.of);
  if (shown.find) kept.set("find", shown.find);
  if (shown.page > 1) kept.set("page", shown.page);
  return shown.list === RING_BACK && kept.size === 1 ? "/" : `/?${kept}`;
}

// The same question put to another list; a range that nobody chose is the other one's own.
export function writeOther(shown, list) {
  const range = shown.range === DEFAULTS[shown.list] ? DEFAULTS[list] : shown.range;
  return write({ ...shown, list, range, page: 1 });
}

// The range in epoch milliseconds, both ends included, by the reader's own days. It ends before it begins where the days do,
// and where one of them cannot be shown.
export function bounds(shown, now = new Date()) {
  const day = (back) => new Date(now.getFullYear(), now.getMonth(), now.getDate() - back);
  const until = (back) => day(back - 1).getTime() - 1;
  if (shown.range === "days") return spanOf(shown);
  if (shown.range === "yesterday") return { from: day(1).getTime(), to: until(1) };
  if (shown.range === "today") return { from: day(0).getTime(), to: until(0) };
  return { from: day(Number(shown.range) - 1).getTime(), to: until(0) };
}

export function asDay(milliseconds) {
  const day = new Date(milliseconds);
  const two = (value) => String(value).padStart(2, "0");
  return `${String(day.getFullYear()).padStart(4, "0")}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

function spanOf({ from, to }) {
  return isDay(from) && isDay(to) ? { from: midnight(from, 0), to: midnight(to, 1) - 1 } : NO_TIME;
}

function midnight(text, later) {
  const [year, month, day] = text.split("-").map(Number);
  return new Date(year, month - 1, day + later).getTime();
}

function isDay(text) {
  return text.length === 10 && midnight(text, 0) > 0 && asDay(midnight(text, 0)) === text;
}

// What is pasted from a table may hold a tab; no number and no name does, and the server refuses it.
function printable(text) {
  return text.replace(/\p{Cc}+/gu, " ").trim();
}
