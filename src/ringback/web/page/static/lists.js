// The switch between the two lists: what is still to do, and all that has happened.
import { LISTS, writeOther } from "./address.js";
import { by, made } from "./dom.js";
import { words } from "./words.js";

export function showLists(shown) {
  by("lists").setAttribute("aria-label", words.whichList);
  by("lists").replaceChildren(...LISTS.map((list) => link(list, shown)));
}

function link(list, shown) {
  const current = shown.list === list ? "page" : null;
  return made("a", { href: writeOther(shown, list), "data-inside": true, "aria-current": current }, words.lists[list].name);
}
