// The agent's workplace: keeps what is shown in step with the address and with what the server tells.
import { asQuery, ask, Problem } from "./api.js";
import * as address from "./address.js";
import { showChart } from "./chart.js";
import { dated, zone } from "./dates.js";
import { by } from "./dom.js";
import { listen } from "./live.js";
import { busyList, showList, showProblem } from "./list.js";
import { showTools } from "./toolbar.js";
import { counted, filled, words } from "./words.js";

const ROWS = 25;
const MINUTE = 60000;

let ended = null; // what to call when the session has ended
let shown = null; // what the address says
let asking = null; // ends the questions that are on their way, when others take their place
let newest = new Set(); // the calls that were there before: others are news
let stops = [];

export function openWorkplace(agent, whenEnded) {
  ended = whenEnded;
  by("who").textContent = agent.name ? `${agent.name} · ${agent.id}` : agent.id;
  by("workplace").hidden = false;
  by("sign-out").onclick = signOut;
  by("print").onclick = () => print();
  const clock = setInterval(() => refresh(), MINUTE); // "2 minutes ago" goes on, and today turns into yesterday
  addEventListener("popstate", moved);
  document.addEventListener("click", followed);
  stops = [
    listen({ changed: () => refresh({ tells: true }), ended: () => leave(new Problem("ended")) }),
    () => clearInterval(clock),
    () => removeEventListener("popstate", moved),
    () => document.removeEventListener("click", followed),
  ];
  moved();
}

export function endWorkplace() {
  for (const stop of stops) stop();
  stops = [];
  asking?.abort();
  newest = new Set();
  by("workplace").hidden = true;
  by("list").replaceChildren();
  document.title = words.product;
}

// Shows another range, page or search, and puts it into the address.
export function go(changes) {
  history.pushState(null, "", address.write({ ...shown, page: 1, ...changes }));
  moved();
}

function moved() {
  shown = address.read();
  newest = new Set();
  showTools(shown, go);
  busyList();
  refresh();
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

async function refresh({ tells = false } = {}) {
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  const range = address.bounds(shown);
  const query = { ...range, find: shown.find };
  by("csv").href = `/page/calls.csv${asQuery({ ...query, zone })}`;
  by("subtitle").textContent = range.to < range.from ? "" : spanned(range);
  if (range.to < range.from) return showProblem(words.wrongDays);
  const chart = ask("/page/chart", { query: { ...range, zone }, signal });
  chart.catch(() => {}); // told with the calls, or not worth a word beside them
  try {
    const page = await ask("/page/calls", { query: { ...query, page: shown.page, limit: ROWS }, signal });
    showPage(page, tells);
    showChart(await chart);
  } catch (problem) {
    failed(problem);
  }
}

function showPage(page, tells) {
  const came = page.calls.filter((call) => newest.size && !newest.has(call.id));
  newest = new Set([...newest, ...page.calls.map((call) => call.id)]);
  const title = page.count ? counted(words.title, page.count) : words.titleNone;
  by("title").textContent = shown.find && page.count ? `${title} ${filled(words.foundWith, { text: shown.find })}` : title;
  document.title = `${title} – ${words.product}`;
  showList(page, shown, tells ? came.map((call) => call.id) : [], go);
  if (tells && came.length && shown.page === 1) by("news").textContent = counted(words.news, came.length);
}

function failed(problem) {
  if (problem.name === "AbortError") return;
  if (problem.kind === "ended") leave(problem);
  else if (problem instanceof Problem) showProblem(problem, () => refresh());
  else throw problem;
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
