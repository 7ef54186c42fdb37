// The list of calls, and what stands in its place when there is none to show.
import { write } from "./address.js";
import { Problem } from "./api.js";
import { by, made } from "./dom.js";
import { showPager } from "./pager.js";
import { rowOf } from "./row.js";
import { told } from "./signing.js";
import { filled, words } from "./words.js";

const SLOW_MS = 400; // what is there sooner needs no word

let rows = new Map(); // by the call's id: {text, element}; a row that stays keeps its place, its focus and its details
let slow = 0;

export function busyList() {
  by("calls").setAttribute("aria-busy", "true");
  clearTimeout(slow);
  slow = setTimeout(() => say(words.loading), SLOW_MS);
}

export function showList(page, shown, fresh, { go, named }) {
  settled();
  const before = rows;
  rows = new Map(page.calls.map((call) => [call.id, kept(before.get(call.id), call, fresh.includes(call.id), named)]));
  putInto(by("list"), [...rows.values()].map((row) => row.element));
  showPager(page, shown, go);
  if (page.calls.length) say("");
  else if (page.count) say(filled(words.pastEnd, { page: shown.page }), lastPage(page, shown));
  else if (shown.find) say(filled(words.noMatch, { text: shown.find }), showAll(shown));
  else say(words.emptyRange);
}

// Says why there are no calls to see; those that are there already stay, for they are still true.
export function showProblem(problem, again) {
  settled();
  const text = problem instanceof Problem ? told(problem) : problem;
  say(text, again ? made("button", { type: "button", onclick: again }, words.tryAgain) : null);
}

function settled() {
  clearTimeout(slow);
  by("calls").removeAttribute("aria-busy");
}

function kept(row, call, isFresh, named) {
  const text = JSON.stringify(call);
  if (row && row.text === text) {
    row.element.refresh();
    return row;
  }
  const element = rowOf(call, named);
  if (isFresh) element.classList.add("fresh");
  return { text, element };
}

// Puts the elements in order, moving none that stands where it should: a moved element loses its focus.
function putInto(list, elements) {
  const staying = new Set(elements);
  for (const element of [...list.children]) if (!staying.has(element)) element.remove();
  elements.forEach((element, at) => {
    if (list.children[at] !== element) list.insertBefore(element, list.children[at] || null);
  });
}

function say(text, action = null) {
  by("said").hidden = !text;
  by("said").replaceChildren(...[text, action].filter(Boolean));
}

function lastPage(page, shown) {
  const href = write({ ...shown, page: Math.ceil(page.count / page.limit) });
  return made("a", { href, "data-inside": true, class: "button" }, words.lastPage);
}

function showAll(shown) {
  return made("a", { href: write({ ...shown, find: "", page: 1 }), "data-inside": true, class: "button" }, words.all);
}
