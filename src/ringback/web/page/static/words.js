// The words of the page in the reader's language. A language is one file like words-en.js and a line here.
const languages = { en: () => import("./words-en.js") };

const languageOf = (name) => name.split("-")[0];
const tag = (navigator.languages || [navigator.language]).find((name) => languageOf(name) in languages) || "en"; // as en-GB
const language = languageOf(tag);

export const { words } = await languages[language]();
// Numbers, dates and times are as the reader's own settings have them, whatever language the words are in.
export const locale = navigator.language || "en";

const plurals = new Intl.PluralRules(language);
let digits = null; // made when one is told: it takes longer than the whole form

export function number(value) {
  digits ??= new Intl.NumberFormat(locale);
  return digits.format(value);
}

// The form that fits a count, of {one: "# call", other: "# calls"}.
export function counted(forms, count) {
  return (forms[plurals.select(count)] || forms.other).replace("#", number(count));
}

// Texts as one, by the words' own "and": it stands in a sentence of them.
export function joined(texts) {
  return new Intl.ListFormat(tag).format(texts);
}

// Puts values into a text's {places}.
export function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function translate(root) {
  document.documentElement.lang = language;
  document.documentElement.dir = words.direction;
  for (const element of root.querySelectorAll("[data-word]")) element.textContent = words[element.dataset.word];
}
