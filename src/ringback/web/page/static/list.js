// The list of calls, and what stands in its place when there is none to show.
import { write } from "./address.js";
import { Problem } from "./api.js";
import { keyOf, linesBeside } from "./done.js";
import { by, made } from "./dom.js";
import { showPager } from "./pager.js";
import { rowOf } from "./row.js";
import { told } from "./signing.js";
import { filled, words } from "./words.js";

const SLOW_MS = 400; // what is there sooner needs no word

let rows = new Map(); // by its key: {call, text, element}; a row that stays keeps its place, its focus and its details
let view = ""; // the address of what is shown
let said = ""; // what is said of it
let slow = 0;

export function busyList() {
  by("calls").setAttribute("aria-busy", "true");
  clearTimeout(slow);
  slow = setTimeout(() => say(words.loading), SLOW_MS);
}

// `fresh` are the keys of rows that have come by themselves.
export function showList(page, shown, fresh, acts) {
  settled();
  const before = rows;
  const written = view === write(shown) ? [...before.values()].filter((row) => row.element.isConnected && isWrittenIn(row.element)) : [];
  view = write(shown);
  rows = new Map(page.calls.map((call) => [keyOf(call), kept(before.get(keyOf(call)), call, fresh, acts)]));
  const leaving = written.filter((row) => !rows.has(keyOf(row.call)));
  keepFocus(() => putInto(by("list"), withLines([...rows.values()], leaving).map((one) => one.element)));
  for (const row of leaving) rows.set(keyOf(row.call), row);
  showPager(page, shown, acts.go);
  if (page.calls.length) say("");
  else if (page.count) say(filled(words.pastEnd, { page: shown.page }), lastPage(page, shown));
  else if (shown.find) say(filled(words.lists[shown.list].noMatch, { text: shown.find }), showAll(shown));
  else say(words.lists[shown.list].empty, null, "good");
}

// Leaves nothing of one view standing under another one's name.
export function showNothing() {
  rows = new Map();
  view = "";
  by("list").replaceChildren();
  by("pager").hidden = true;
}

// Says why there are no calls to see; those of this view that are there already stay, for they are still true.
export function showProblem(problem, again) {
  settled();
  const text = problem instanceof Problem ? told(problem) : problem;
  if (text !== said) say(text, again ? made("button", { type: "button", onclick: again }, words.tryAgain) : null);
}

function settled() {
  clearTimeout(slow);
  by("calls").removeAttribute("aria-busy");
}

function kept(row, call, fresh, acts) {
  const text = JSON.stringify(call);
  if (row && (row.text === text || isWrittenIn(row.element))) {
    row.element.refresh();
    return row;
  }
  const element = rowOf(call, acts);
  if (row && !row.element.querySelector(".legs").hidden) element.querySelector(".details").click();
  if (fresh.includes(keyOf(call))) element.classList.add("fresh");
  return { call, text, element };
}

// Whether somebody is writing a name there: such a row neither leaves nor is drawn anew, whatever comes meanwhile.
function isWrittenIn(row) {
  const field = row.querySelector(".naming:not(.saved) input");
  return field && (field === document.activeElement || field.value !== field.defaultValue);
}

// What was done stands where its row stood, as what only waits for a name does: lists go by the last try, newest first.
function withLines(ones, leaving) {
  for (const line of [...linesBeside(ones.map((row) => row.call)), ...leaving]) {
    const at = ones.findIndex((one) => one.call.started_ms < line.call.started_ms);
    ones.splice(at < 0 ? ones.length : at, 0, line);
  }
  return ones;
}

// Whoever is at a row that leaves, or is drawn anew, finds themselves at what is there now, never at the page's top.
function keepFocus(work) {
  const focused = document.activeElement;
  const [row, all] = [focused.closest("#list > li"), [...by("list").children]];
  work();
  if (!row || document.activeElement === focused) return;
  if (focused.isConnected) return focused.focus();
  const key = row.dataset.key;
  const now = [...by("list").children];
  const next = now.find((one) => one.dataset.key === key) || now[Math.min(all.indexOf(row), now.length - 1)];
  const same = focused.classList[0] && next?.querySelector(`.${focused.classList[0]}`);
  const acts = focused.closest(".legs") ? [".details", ".undo"] : [".done, .undo", ".details"]; // a key meant for a text does nothing
  const first = acts.map((one) => next?.querySelector(one)).find(Boolean);
  (same || first || by("calls")).focus({ preventScroll: true });
}

// Puts the elements in order, moving none that stands where it should: a moved element loses its focus.
function putInto(list, elements) {
  const staying = new Set(elements);
  for (const element of [...list.children]) if (!staying.has(element)) element.remove();
  elements.forEach((element, at) => {
    if (list.children[at] !== element) list.insertBefore(element, list.children[at] || null);
  });
}

function say(text, action = null, mood = "") {
  said = text;
  by("said").hidden = !text;
  by("said").className = `notice ${mood}`;
  by("said").replaceChildren(...[text, action].filter(Boolean));
}

function lastPage(page, shown) {
  const href = write({ ...shown, page: Math.ceil(page.count / page.limit) });
  return made("a", { href, "data-inside": true, class: "button" }, words.lastPage);
}

function showAll(shown) {
  return made("a", { href: write({ ...shown, find: "", page: 1 }), "data-inside": true, class: "button" }, words.all);
}
