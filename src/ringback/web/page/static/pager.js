// From page to page: links, so that each page has its address; and a field for any page of many.
import { write } from "./address.js";
import { by, made } from "./dom.js";
import { filled, number, words } from "./words.js";

const MANY = 5; // pages from which on a field is quicker

export function showPager(page, shown, go) {
  const pages = Math.max(1, Math.ceil(page.count / page.limit));
  const pager = by("pager");
  pager.hidden = pages === 1;
  pager.setAttribute("aria-label", words.pager);
  const focused = pager.contains(document.activeElement) ? document.activeElement.dataset.step : null;
  const parts = [
    step("first", 1, shown.page > 1, shown),
    step("previous", Math.min(shown.page - 1, pages), shown.page > 1, shown),
    where(shown.page, pages, go),
    step("next", shown.page + 1, shown.page < pages, shown),
    step("last", pages, shown.page < pages, shown),
  ];
  if (focused === "field" && pages >= MANY && document.activeElement.defaultValue === String(shown.page)) {
    return putAround(document.activeElement, parts);
  }
  pager.replaceChildren(...parts);
  if (focused) pager.querySelector(`[data-step="${focused}"]`)?.focus();
}

// Leaves the field that has the focus where it is, with what is being typed and the cursor in it; all else is as told.
function putAround(field, parts) {
  const form = field.form;
  const drawn = parts.find((part) => part.tagName === "FORM");
  field.max = drawn.querySelector("input").max;
  form.querySelector("span").replaceWith(drawn.querySelector("span"));
  [...form.parentElement.children].forEach((part, at) => part === form || part.replaceWith(parts[at]));
}

function step(name, page, leads, shown) {
  if (!leads) return made("span", { class: "button off", "aria-hidden": "true" }, words[name]);
  const href = write({ ...shown, page });
  return made("a", { href, class: "button", "data-inside": true, "data-step": name, rel: rel(name) }, words[name]);
}

function rel(name) {
  return { previous: "prev", next: "next" }[name] || null;
}

function where(page, pages, go) {
  const text = filled(words.pageOf, { page: number(page), pages: number(pages) });
  if (pages < MANY) return made("span", { class: "where" }, text);
  const field = made("input", { type: "number", min: 1, max: pages, value: page, "aria-label": words.goToPage });
  field.dataset.step = "field";
  const onsubmit = (event) => {
    event.preventDefault();
    if (field.reportValidity()) go({ page: Number(field.value) });
  };
  return made("form", { class: "where", onsubmit }, made("span", {}, text), field);
}
