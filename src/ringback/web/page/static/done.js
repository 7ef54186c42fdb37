// Marking a number done. A line takes the row's place, with a way back that stays until another view is chosen.
import { ask, Problem } from "./api.js";
import { by, made } from "./dom.js";
import { told } from "./signing.js";
import { filled, words } from "./words.js";

const MOST = 5; // lines that are kept: the oldest gives way to the next one that is done

const lines = new Map(); // by the row's key: {call, element, waits}; while the server is asked, the row itself

export const forgetDone = () => lines.clear();

// What a row is known by: a call, or a number with its tries.
export const keyOf = (call) => (call.tries === null ? call.id : `${call.agent || ""} ${call.number}`);

// The lines that stand beside these rows. A number that is back among them needs its line no more.
export function linesBeside(calls) {
  const keys = new Set(calls.map(keyOf));
  for (const [key, line] of lines) if (keys.has(key) && !line.waits) lines.delete(key);
  return [...lines].filter(([key]) => !keys.has(key)).map(([, line]) => line);
}

// `again` reads the list anew, `failed` is told of what ends the page.
export function doneButton(call, readable, { again, failed }) {
  const label = filled(words.doneWith, { number: readable });
  const button = made("button", { type: "button", class: "done", "aria-label": label }, words.done);
  button.addEventListener("click", async () => {
    const row = button.closest("li");
    if (lines.get(keyOf(call))?.waits) return; // pressed twice
    complain(row, "");
    lines.set(keyOf(call), { call, element: row, waits: true });
    try {
      const body = { number: call.number, seen_ms: call.started_ms, of: call.agent };
      replace(call, readable, await ask("/page/done", { method: "POST", body }), { again, failed });
      await again();
    } catch (problem) {
      lines.delete(keyOf(call));
      refuse(row, problem, failed);
    }
  });
  return button;
}

function replace(call, readable, { done_ms }, then) {
  const [key, was] = [keyOf(call), standing(keyOf(call))];
  const name = made("bdi", { dir: call.name ? null : "ltr" }, call.name || readable);
  const said = made("span", {}, name, ` ${done_ms ? words.isDone : words.goneAlready}`);
  const element = made("li", { class: done_ms ? "line" : "line gone", tabindex: -1 }, said);
  element.dataset.key = key;
  const undo = done_ms ? undoButton(call, readable, done_ms, element, then) : null;
  if (undo) element.append(undo);
  lines.delete(key); // to be the newest
  lines.set(key, { call, element, waits: false });
  if (lines.size > MOST) lines.delete(lines.keys().next().value);
  was?.replaceWith(element);
  (undo || element).focus({ preventScroll: true });
  by("news").textContent = said.textContent;
}

function undoButton(call, readable, done_ms, element, { again, failed }) {
  const label = filled(words.undoOf, { number: readable });
  const button = made("button", { type: "button", class: "undo", "aria-label": label }, words.undo);
  button.addEventListener("click", async (event) => {
    if (event.detail > 1) return; // the second half of a double click on what stood here before
    complain(element, "");
    try {
      const { undone } = await ask("/page/undo", { method: "POST", body: { number: call.number, done_ms } });
      settle(element, filled(undone ? words.undone : words.undoLate, { number: call.name || readable }));
      await again(); // with the row, which the focus goes to
    } catch (problem) {
      refuse(element, problem, failed);
    }
  });
  return button;
}

function settle(element, text) {
  element.replaceChildren(made("span", {}, text));
  element.focus({ preventScroll: true });
  by("news").textContent = text;
}

function standing(key) {
  return [...by("list").children].find((one) => one.dataset.key === key);
}

// Says beside a number why nothing came of it; what was pressed keeps the focus, to be pressed again.
function refuse(element, problem, failed) {
  if (!(problem instanceof Problem)) throw problem;
  if (problem.kind === "ended") failed(problem);
  else complain(element, told(problem));
}

function complain(element, text) {
  element.querySelector(".complaint")?.remove();
  if (text) element.append(made("p", { class: "complaint", role: "alert" }, text));
}
