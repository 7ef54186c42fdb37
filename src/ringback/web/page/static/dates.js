// Times as the reader's own settings write them, in the reader's own zone.
import { locale } from "./words.js";

const MINUTE = 60000;
const HOUR = 60 * MINUTE;

const clock = new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" });
const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
const dayOfYear = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
const month = new Intl.DateTimeFormat(locale, { month: "short", year: "numeric" });
const exactly = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
const inSeconds = new Intl.NumberFormat(locale, { style: "unit", unit: "second", unitDisplay: "short" });

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

// When a call was, in two parts: how long ago if that was today, else the day (today, where it is to come); and the time of the day.
export function when(milliseconds, now = Date.now()) {
  const then = new Date(milliseconds);
  const today = new Date(now);
  if (isDayOf(then, today)) return { day: ago(milliseconds, now), time: clock.format(then) };
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  if (isDayOf(then, yesterday)) return { day: relative.format(-1, "day"), time: clock.format(then) };
  const dated = then.getFullYear() === today.getFullYear() ? day : dayOfYear;
  return { day: dated.format(then), time: clock.format(then) };
}

export const exact = (milliseconds) => exactly.format(milliseconds);
export const time = (milliseconds) => clock.format(milliseconds);
export const dated = (milliseconds) => dayOfYear.format(milliseconds);
export const seconds = (count) => inSeconds.format(count);

// The name of a bar of the chart, and of an hour of the day.
export function barName(unit, milliseconds) {
  return { hour: clock, day, month }[unit].format(milliseconds);
}

export const hourName = (hour) => clock.format(new Date(2001, 0, 1, hour));

function ago(milliseconds, now) {
  const past = now - milliseconds;
  if (past <= -MINUTE) return relative.format(0, "day"); // by a switch whose clock is ahead: the time of day says more
  if (past < MINUTE) return relative.format(0, "second");
  if (past < HOUR) return relative.format(-Math.floor(past / MINUTE), "minute");
  return relative.format(-Math.floor(past / HOUR), "hour");
}

function isDayOf(one, other) {
  return one.toDateString() === other.toDateString();
}
