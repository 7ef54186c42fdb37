// Tries and answers of the range as bars, with the same as a table; and the best hours to reach people.
import { barName, hourName } from "./dates.js";
import { by, drawn, made } from "./dom.js";
import { filled, joined, locale, number, words } from "./words.js";

const [HEIGHT, BASE, LEAST_WIDTH] = [130, 108, 240]; // pixels; the drawing is as wide as there is room
const LABEL_WIDTH = 90;
const LEAST_TRIES = 5; // from which on an hour's share says something
const BEST_HOURS = 3;

const share = new Intl.NumberFormat(locale, { style: "percent" });

// Briefly: the best hours alone, where there are any.
export function showChart(chart, { isBrief }) {
  if (!chart) {
    by("glance").hidden = true;
    return;
  }
  const { unit, bars, hours } = chart;
  by("best").textContent = best(hours);
  by("glance").classList.toggle("brief", isBrief);
  if (isBrief) {
    by("glance").hidden = !bestHours(hours).length;
    return;
  }
  const [missed, answered] = ["missed", "answered"].map((what) => bars.reduce((sum, bar) => sum + bar[what], 0));
  by("glance").hidden = missed + answered === 0;
  if (by("glance").hidden) return;
  const [from, to] = [bars[0], bars[bars.length - 1]].map((bar) => barName(unit, bar.start_ms));
  const label = filled(words.chart, { from, to, answered: number(answered), missed: number(missed) });
  by("chart").replaceChildren(drawing(unit, bars, label), legend(answered, missed));
  by("chart-table").replaceChildren(
    table(words.tableWhen, bars.map((bar) => [barName(unit, bar.start_ms), bar])),
    table(words.tableHours, hours.filter(tries).map((hour) => [hourName(hour.hour), hour])),
  );
}

const tries = (counts) => counts.missed + counts.answered;

function drawing(unit, bars, label) {
  const most = Math.max(...bars.map(tries), 1);
  const width = Math.max(by("chart").clientWidth, LEAST_WIDTH);
  const wide = width / bars.length;
  const scale = (count) => (count / most) * (BASE - 12);
  return drawn(
    "svg",
    { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": label, class: "bars" },
    hatching(),
    drawn("text", { x: 0, y: 9, class: "axis" }, number(most)),
    drawn("line", { x1: 0, x2: width, y1: BASE, y2: BASE, class: "base" }),
    ...bars.flatMap((bar, at) => stacked(unit, bar, at * wide, wide, scale)),
    ...axis(unit, bars, width),
  );
}

// Answered calls are solid and stand below; missed ones are hatched: no colour is needed to tell them apart.
function stacked(unit, bar, x, wide, scale) {
  const [low, high] = [scale(bar.answered), scale(bar.missed)];
  const said = `${barName(unit, bar.start_ms)}: ${bar.answered} ${words.answered}, ${bar.missed} ${words.missed}`;
  const gap = Math.min(wide * 0.2, 4);
  const box = { x: x + gap / 2, width: Math.max(wide - gap, 0.5) };
  return [
    drawn("rect", { ...box, y: BASE - low, height: low, class: "answered" }, drawn("title", {}, said)),
    drawn("rect", { ...box, y: BASE - low - high, height: high, class: "missed" }, drawn("title", {}, said)),
  ];
}

function hatching() {
  const size = { width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" };
  return drawn(
    "defs",
    {},
    drawn(
      "pattern",
      { id: "hatching", ...size },
      drawn("rect", { width: 6, height: 6, class: "hatch-ground" }),
      drawn("line", { x1: 0, y1: 0, x2: 0, y2: 6, class: "hatch-line" }),
    ),
  );
}

function axis(unit, bars, width) {
  const wide = width / bars.length;
  const every = Math.ceil(LABEL_WIDTH / wide);
  return bars
    .map((bar, at) => [bar, at])
    .filter(([, at]) => at % every === 0)
    .map(([bar, at]) => drawn("text", { x: at * wide + 2, y: HEIGHT - 4, class: "axis" }, barName(unit, bar.start_ms)));
}

function legend(answered, missed) {
  const key = (name, text, count) => made("li", {}, made("span", { class: `key ${name}` }), ` ${text} `, made("b", {}, number(count)));
  return made("ul", { class: "legend" }, key("answered", words.answered, answered), key("missed", words.missed, missed));
}

function bestHours(hours) {
  const known = hours.filter((hour) => tries(hour) >= LEAST_TRIES && hour.answered);
  return known.sort((one, other) => rate(other) - rate(one) || one.hour - other.hour).slice(0, BEST_HOURS);
}

function best(hours) {
  const ranked = bestHours(hours);
  if (!ranked.length) return words.noBest;
  const told = ranked.map((hour) =>
    filled(words.bestHour, { hour: hourName(hour.hour), share: share.format(rate(hour)), tries: number(tries(hour)) }),
  );
  return filled(words.best, { hours: joined(told) });
}

const rate = (hour) => hour.answered / tries(hour);

function table(heading, rows) {
  const head = [heading, words.answered, words.missed].map((text) => made("th", { scope: "col" }, text));
  const body = rows.map(([name, counts]) =>
    made(
      "tr",
      {},
      made("th", { scope: "row" }, name),
      made("td", {}, number(counts.answered)),
      made("td", {}, number(counts.missed)),
    ),
  );
  return made("table", {}, made("thead", {}, made("tr", {}, ...head)), made("tbody", {}, ...body));
}
