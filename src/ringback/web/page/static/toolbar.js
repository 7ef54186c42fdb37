// The tools above the list: ranges as links, any days, and what to find.
import { asDay, bounds, RANGES, write } from "./address.js";
import { by, made } from "./dom.js";
import { words } from "./words.js";

let found = null; // what the address said to find when the tools were shown last

export function showTools(shown, go) {
  by("ranges").setAttribute("aria-label", words.rangesLabel);
  by("ranges").replaceChildren(...RANGES.map((range) => rangeLink(range, shown)));
  showDays(shown, go);
  const isTyped = shown.find === found && document.activeElement === by("text");
  if (!isTyped) by("text").value = shown.find;
  found = shown.find;
  by("find").onsubmit = (event) => {
    event.preventDefault();
    go({ find: by("text").value.trim() });
  };
  by("text").onsearch = () => by("text").value || !shown.find || go({ find: "" }); // the cross that empties the field
}

function rangeLink(range, shown) {
  const href = write({ ...shown, range, from: "", to: "", page: 1 });
  const current = shown.range === range ? "page" : null;
  return made("a", { href, "data-inside": true, "aria-current": current }, words.ranges[range]);
}

function showDays(shown, go) {
  const form = by("dates");
  const { from, to } = shown.range === "days" ? shown : days(bounds(shown));
  form.elements.from.value = from;
  form.elements.to.value = to;
  form.onsubmit = (event) => {
    event.preventDefault();
    go({ range: "days", from: form.elements.from.value, to: form.elements.to.value });
  };
}

function days({ from, to }) {
  return { from: asDay(from), to: asDay(to) };
}
