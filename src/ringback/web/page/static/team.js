// What a supervisor sees: whose calls are shown, and how each agent fares, those who reach people least first.
import { RING_BACK, write } from "./address.js";
import { by, made } from "./dom.js";
import { locale, number, words } from "./words.js";

const share = new Intl.NumberFormat(locale, { style: "percent" });

export const EVERYBODY = "*";

export function showWhose(agent, shown) {
  by("whose").hidden = !agent.supervises;
  by("whose").setAttribute("aria-label", words.whose);
  const links = [link("", words.mine, shown), link(EVERYBODY, words.everybody, shown)];
  if (shown.of && shown.of !== EVERYBODY) links.push(link(shown.of, shown.of, shown));
  by("whose").replaceChildren(...links);
}

function link(of, text, shown) {
  const href = write({ ...shown, of, page: 1 });
  return made("a", { href, "data-inside": true, "aria-current": shown.of === of ? "page" : null }, text);
}

export function showTeam(agents, shown) {
  by("team").hidden = !agents;
  if (!agents) return;
  by("team-order").textContent = words.lists[shown.list].teamOrder;
  const heads = [words.agent, words.lists[RING_BACK].name, words.answered, words.missed, words.reached];
  by("team-table").replaceChildren(
    made(
      "table",
      {},
      made("thead", {}, made("tr", {}, ...heads.map((text) => made("th", { scope: "col" }, text)))),
      made("tbody", {}, ...agents.map((agent) => rowOf(agent, shown))),
    ),
  );
}

function rowOf(agent, shown) {
  const href = write({ ...shown, of: agent.extension, page: 1 });
  const name = agent.name && agent.name !== agent.extension ? `${agent.name} · ${agent.extension}` : agent.extension;
  const reached = agent.reached === null ? "–" : share.format(agent.reached);
  return made(
    "tr",
    {},
    made("th", { scope: "row" }, made("a", { href, "data-inside": true }, made("bdi", {}, name))),
    ...[number(agent.ring_back), number(agent.answered), number(agent.missed), reached].map((text) => made("td", {}, text)),
  );
}
