// One call of the list, or one number with its last try; and that call's legs when they are asked for.
import { OUT_MISSED, read, write } from "./address.js";
import { ask } from "./api.js";
import { exact, seconds, time, when } from "./dates.js";
import { doneButton, keyOf } from "./done.js";
import { made } from "./dom.js";
import { told } from "./signing.js";
import { counted, filled, words } from "./words.js";

// `acts.named` is told of a call whose number has been given a name; `again` and `failed` are done.js's.
export function rowOf(call, acts) {
  const readable = call.number === "unknown" ? words.unknownNumber : call.readable;
  const legs = made("div", { class: "legs", id: `legs-${call.id}`, hidden: true });
  const stamp = made("time", { datetime: new Date(call.started_ms).toISOString(), title: exact(call.started_ms) });
  const row = made(
    "li",
    { class: "row" },
    made("div", { class: "whom" }, numberOf(call, readable), nameOf(call), agentOf(call)),
    made("div", { class: "when" }, triesOf(call), stamp),
    made("div", { class: "why" }, whyOf(call)),
    made(
      "div",
      { class: "acts" },
      detailsButton(call, readable, legs, acts.named),
      call.tries === null ? null : doneButton(call, readable, acts),
    ),
    legs,
  );
  row.dataset.key = keyOf(call);
  row.refresh = () => {
    const { day, time } = when(call.started_ms);
    stamp.replaceChildren(made("span", { class: "day" }, day), " ", made("span", { class: "clock" }, time));
    legs.querySelector(".every a")?.setAttribute("href", addressOfAll(call)); // other days may be shown by now
  };
  row.refresh();
  return row;
}

function numberOf(call, readable) {
  const number = made("bdi", { dir: "ltr" }, readable);
  if (!call.dial) return made("span", { class: "number" }, number);
  const label = filled(words.ringBack, { number: call.name ? `${call.name}, ${readable}` : readable });
  return made("a", { class: "number", href: call.dial, "aria-label": label }, number);
}

function nameOf(call) {
  return call.name ? made("bdi", { class: "name" }, call.name) : null;
}

function agentOf(call) {
  return call.agent ? made("span", { class: "quiet agent" }, filled(words.byAgent, { agent: call.agent })) : null;
}

function triesOf(call) {
  return call.tries === null ? null : made("span", { class: "tries" }, counted(words.tries, call.tries), " ");
}

function whyOf(call) {
  const why = made("span", { class: `reason ${call.why}` }, words.why[call.why] || words.why.unknown);
  return made("span", {}, why, " ", made("span", { class: "quiet" }, ringing(call.rang_seconds)));
}

function ringing(rang) {
  if (rang === null) return "";
  return rang === 0 ? words.noRing : filled(words.rang, { time: seconds(rang) });
}

function detailsButton(call, readable, legs, named) {
  const label = filled(words.detailsOf, { number: readable });
  const button = made("button", { type: "button", class: "details", "aria-expanded": "false" }, words.details);
  button.setAttribute("aria-controls", legs.id);
  button.setAttribute("aria-label", label);
  button.addEventListener("click", () => {
    const opens = legs.hidden;
    legs.hidden = !opens;
    button.setAttribute("aria-expanded", String(opens));
    if (opens) showLegs(call, legs, named);
  });
  return button;
}

async function showLegs(call, place, named) {
  place.replaceChildren(words.loading);
  try {
    const legs = await ask("/page/legs", { query: { id: call.id, of: call.agent } });
    const attempts = `${counted(words.legs, legs.length)} · ${exact(call.started_ms)}`;
    const parts = [
      made("p", { class: "quiet" }, call.tries > 1 ? filled(words.lastTry, { legs: attempts }) : attempts),
      made("ol", {}, ...legs.map(legItem)),
      call.tries > 1 ? everyTry(call) : null,
      isNameable(call.number) ? nameForm(call, named) : null,
      made("p", { class: "quiet id" }, `${words.callId} `, made("code", {}, call.id)),
    ];
    place.replaceChildren(...parts.filter(Boolean));
  } catch (problem) {
    place.replaceChildren(made("span", { role: "alert" }, told(problem)));
  }
}

function everyTry(call) {
  const text = filled(words.everyTry, { number: call.readable });
  return made("p", { class: "every" }, made("a", { href: addressOfAll(call), "data-inside": true }, text));
}

// Among the days that are shown, where they were chosen: who looks at those of long ago finds nothing among the last ones.
function addressOfAll(call) {
  const { range, from, to } = read();
  const days = range === "days" ? { range, from, to } : { range: "30" };
  return write({ list: OUT_MISSED, ...days, of: call.agent, find: call.number });
}

// As the server has it: contacts are of numbers, and anna@example.com is none.
function isNameable(number) {
  return /\p{Nd}/u.test(number);
}

function nameForm(call, named) {
  const field = made("input", { name: "name", maxlength: 255, autocomplete: "off", value: call.name || "" });
  const said = made("span", { role: "alert" });
  const onsubmit = async (event) => {
    event.preventDefault();
    try {
      await ask("/page/contact", { method: "POST", body: { number: call.number, name: field.value.trim() } });
      event.target.classList.add("saved");
      await named(call);
    } catch (problem) {
      said.textContent = told(problem);
    }
  };
  const label = made("label", {}, filled(words.nameOf, { number: call.readable }), field);
  return made("form", { class: "naming", onsubmit }, label, made("button", {}, words.save), said);
}

function legItem(leg) {
  const parts = [
    time(leg.started_ms),
    words.why[leg.why] || words.why.unknown,
    leg.trunk ? filled(words.over, { trunk: leg.trunk }) : "",
    ringing(leg.rang_seconds),
    leg.talked_seconds ? filled(words.talked, { time: seconds(leg.talked_seconds) }) : "",
    leg.said || "",
  ];
  return made("li", {}, parts.filter(Boolean).join(" · "));
}
