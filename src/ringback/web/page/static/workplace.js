// The agent's workplace: keeps what is shown in step with the address and with what the server tells.
import { asQuery, ask, askAs, Problem } from "./api.js";
import * as address from "./address.js";
import { showChart } from "./chart.js";
import { dated, zone } from "./dates.js";
import { forgetDone, keyOf } from "./done.js";
import { by } from "./dom.js";
import { listen } from "./live.js";
import { busyList, showList, showNothing, showProblem } from "./list.js";
import { showLists } from "./lists.js";
import { EVERYBODY, showTeam, showWhose } from "./team.js";
import { showTools } from "./toolbar.js";
import { counted, filled, words } from "./words.js";

const ROWS = 25;
const MINUTE = 60000;
const AGAIN_MS = 5000; // after a server that could not be reached

let agent = null; // who is signed in
let ended = null; // what to call when the session has ended
let shown = null; // what the address says
let again = 0; // when it is asked by itself
let asking = null; // ends the questions that are on their way, when others take their place
let seen = new Set(); // the rows that were there before: others are news, where there are more than before
let count = null; // how many there were when the page was shown last
let isSaid = false; // whether the next page shows what was done here, which has been said already
let hearing = null; // {of, stop}: whose news are listened to
let stops = [];

export function openWorkplace(signedIn, whenEnded) {
  agent = signedIn;
  ended = whenEnded;
  askAs(agent.id);
  by("who").textContent = agent.name ? `${agent.name} · ${agent.id}` : agent.id;
  by("workplace").hidden = false;
  by("sign-out").onclick = signOut;
  by("print").onclick = () => print();
  const clock = setInterval(() => refresh(), MINUTE); // "2 minutes ago" goes on, and today turns into yesterday
  addEventListener("popstate", moved);
  document.addEventListener("click", followed);
  stops = [
    () => hearing?.stop(),
    () => clearInterval(clock),
    () => clearTimeout(again),
    () => removeEventListener("popstate", moved),
    () => document.removeEventListener("click", followed),
  ];
  moved();
}

export function endWorkplace() {
  for (const stop of stops) stop();
  stops = [];
  hearing = null;
  asking?.abort();
  askAs("");
  forget();
  clear();
  showProblem("");
  by("workplace").hidden = true;
  by("title").textContent = by("subtitle").textContent = "";
  document.title = words.product;
}

// Shows another range, page or search, and puts it into the address.
export function go(changes) {
  history.pushState(null, "", address.write({ ...shown, page: 1, ...changes }));
  moved();
}

function moved() {
  shown = address.read();
  if (!agent.supervises) shown.of = "";
  forget();
  by("title").textContent ||= words.lists[shown.list].name;
  showLists(shown);
  showTools(shown, go);
  showWhose(agent, shown);
  hear(shown.of);
  busyList();
  refresh();
}

function forget() {
  seen = new Set();
  count = null;
  isSaid = false;
  forgetDone();
}

function hear(of) {
  if (hearing?.of === of) return;
  hearing?.stop();
  const stop = listen({ of, as: agent.id }, { changed: () => refresh({ tells: true }), ended: () => leave(new Problem("ended")) });
  hearing = { of, stop };
}

// Links within the page change the address without loading it anew; with a key held they are links like any other.
function followed(event) {
  const link = event.target.closest("a[data-inside]");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  moved();
  by("calls").focus({ preventScroll: true });
  by("title").scrollIntoView({ block: "nearest" });
}

async function refresh({ tells = false, isOwn = false } = {}) {
  isSaid ||= isOwn; // and stays so when news take this question's place
  clearTimeout(again);
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  const range = address.bounds(shown);
  const query = { ...range, list: shown.list, of: shown.of, find: shown.find };
  by("csv").href = `/page/calls.csv${asQuery({ ...query, zone, as: agent.id })}`;
  by("subtitle").textContent = range.to < range.from ? "" : spanned(range);
  if (range.to < range.from) return showInstead(words.wrongDays);
  const beside = askBeside(range, signal).catch(() => null); // told with the calls, or not worth a word beside them
  try {
    const page = await ask("/page/calls", { query: { ...query, page: shown.page, limit: ROWS }, signal });
    if (isBehindTheEnd(page)) return turnBack(page);
    showPage(page, tells);
    const answer = await beside;
    if (!signal.aborted) showBeside(answer);
  } catch (problem) {
    failed(problem);
  }
}

// What stands above the list: how each of all agents fares, or the chart of one.
function askBeside(range, signal) {
  if (shown.of === EVERYBODY) return ask("/page/agents", { query: { ...range, list: shown.list }, signal });
  return ask("/page/chart", { query: { ...range, of: shown.of, zone }, signal });
}

function showBeside(answer) {
  const isTeam = Array.isArray(answer);
  showTeam(isTeam ? answer : null, shown);
  showChart(isTeam ? null : answer, { isBrief: shown.list === address.RING_BACK });
}

// A number has been named: all its rows show the name, and whoever named it goes on where they were.
async function named(call) {
  await refresh();
  document.querySelector(`[aria-controls="legs-${call.id}"]`)?.focus();
}

function showPage(page, tells) {
  const said = words.lists[shown.list];
  const keys = page.calls.map(keyOf);
  const more = tells && !isSaid && count !== null ? page.count - count : 0;
  const came = more > 0 ? keys.filter((key) => !seen.has(key)) : [];
  seen = new Set(keys);
  count = page.count;
  isSaid = false;
  const title = page.count ? counted(said.title, page.count) : said.none;
  by("title").textContent = shown.find && page.count ? `${title} ${filled(words.foundWith, { text: shown.find })}` : title;
  document.title = `${title} – ${words.product}`;
  showList(page, shown, came, { go, named, failed, again: () => refresh({ isOwn: true }) });
  if (more) by("news").textContent = more > 0 ? counted(said.news, more) : counted(said.left, -more);
}

// The calls of a last page may have left it, done one by one: the page before it is the last one now.
function isBehindTheEnd(page) {
  return !page.calls.length && page.count > 0 && count !== null;
}

function turnBack(page) {
  shown = { ...shown, page: Math.ceil(page.count / page.limit) };
  history.replaceState(null, "", address.write(shown));
  return refresh();
}

function failed(problem) {
  if (problem.name === "AbortError") return;
  if (problem.kind === "ended") leave(problem);
  else if (problem.kind === "refused" && shown.of) lookWhoAsks(problem);
  else if (problem instanceof Problem) showInstead(problem, () => refresh());
  else throw problem;
  if (problem.kind === "offline" || problem.kind === "away") again = setTimeout(() => refresh(), AGAIN_MS);
}

// Whoever may see all agents' calls no longer is led to their own.
async function lookWhoAsks(problem) {
  try {
    const now = await ask("/page/session");
    if (!now) return leave(new Problem("ended"));
    if (now.supervises) return showInstead(problem, () => refresh());
    agent = now;
    moved();
  } catch (other) {
    showInstead(other, () => refresh());
  }
}

// Calls of another view say nothing true of this one.
function showInstead(problem, then) {
  if (count === null) clear();
  showProblem(problem, then);
}

function clear() {
  showNothing();
  showTeam(null, shown);
  showChart(null, {});
  if (shown) by("title").textContent = words.lists[shown.list].name;
}

async function signOut() {
  try {
    await ask("/page/session", { method: "DELETE" });
    leave(null);
  } catch (problem) {
    failed(problem);
  }
}

function leave(problem) {
  if (!by("workplace").hidden) ended(problem);
}

function spanned({ from, to }) {
  const [first, last] = [dated(from), dated(to)];
  return first === last ? first : filled(words.between, { from: first, to: last });
}
