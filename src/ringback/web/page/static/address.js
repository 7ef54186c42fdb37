// What the page shows stands in its address: range, what to find, page. So back, reload and sharing work.
export const RANGES = ["today", "yesterday", "7", "30"];
const DEFAULT = "7";
const DAY = /^\d{4}-\d{2}-\d{2}$/;

// {range: one of RANGES or "days", from, to (YYYY-MM-DD, for "days"), of, find, page}
export function read(search = location.search) {
  const given = new URLSearchParams(search);
  const page = Number(given.get("page"));
  const days = isDay(given.get("from")) && isDay(given.get("to"));
  return {
    range: days ? "days" : RANGES.includes(given.get("range")) ? given.get("range") : DEFAULT,
    from: days ? given.get("from") : "",
    to: days ? given.get("to") : "",
    of: (given.get("of") || "").slice(0, 64), // whose calls, for supervisors
    find: (given.get("find") || "").trim().slice(0, 64),
    page: Number.isSafeInteger(page) && page > 0 ? page : 1,
  };
}

export function write(shown) {
  const kept = new URLSearchParams();
  if (shown.range === "days") {
    kept.set("from", shown.from);
    kept.set("to", shown.to);
  } else if (shown.range !== DEFAULT) kept.set("range", shown.range);
  if (shown.of) kept.set("of", shown.of);
  if (shown.find) kept.set("find", shown.find);
  if (shown.page > 1) kept.set("page", shown.page);
  return kept.size ? `/?${kept}` : "/";
}

// The range in epoch milliseconds, both ends included, by the reader's own days.
export function bounds(shown, now = new Date()) {
  const day = (back) => new Date(now.getFullYear(), now.getMonth(), now.getDate() - back);
  const until = (back) => day(back - 1).getTime() - 1;
  if (shown.range === "days") return { from: midnight(shown.from, 0), to: midnight(shown.to, 1) - 1 };
  if (shown.range === "yesterday") return { from: day(1).getTime(), to: until(1) };
  if (shown.range === "today") return { from: day(0).getTime(), to: until(0) };
  return { from: day(Number(shown.range) - 1).getTime(), to: until(0) };
}

export function asDay(milliseconds) {
  const day = new Date(milliseconds);
  const two = (value) => String(value).padStart(2, "0");
  return `${String(day.getFullYear()).padStart(4, "0")}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

function midnight(text, later) {
  const [year, month, day] = text.split("-").map(Number);
  return new Date(year, month - 1, day + later).getTime();
}

function isDay(text) {
  return DAY.test(text || "") && midnight(text, 0) > 0 && asDay(midnight(text, 0)) === text;
}
