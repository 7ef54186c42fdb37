// Signing in: the form, and what to do when it does not work.
import { ask } from "./api.js";
import { by } from "./dom.js";
import { counted, filled, words } from "./words.js";

// Shows the form; `problem` is why it is shown, if that needs a word. `opened` gets the agent who has signed in.
export function showSigning(opened, problem) {
  by("signing").hidden = false;
  by("sign-in").onsubmit = (event) => {
    event.preventDefault();
    signIn(opened);
  };
  say(problem ? told(problem) : "");
  by(by("agent").value ? "password" : "agent").focus();
}

async function signIn(opened) {
  const [id, password] = [by("agent").value.trim(), by("password").value];
  if (!id || !password) return refuse(words.needBoth, id ? "password" : "agent");
  say("");
  busy(true);
  try {
    const agent = await ask("/page/session", { method: "POST", body: { id, password } });
    await opened(agent);
    by("password").value = "";
    by("signing").hidden = true;
  } catch (problem) {
    refuse(problem.kind === "wrong" ? words.wrongPassword : told(problem), "password");
  } finally {
    busy(false);
  }
}

function refuse(text, field) {
  say(text);
  by(field).focus();
  by(field).select();
}

function say(text) {
  by("sign-in-said").textContent = text;
  by("sign-in-said").hidden = !text;
}

function busy(is) {
  const button = by("sign-in").querySelector("button");
  button.disabled = is;
  button.textContent = is ? words.signingIn : words.signIn;
}

// What a problem means for whoever reads it, and what to do.
export function told(problem) {
  if (problem.kind === "locked") return filled(words.locked, { wait: waiting(problem.wait) });
  if (problem.kind === "failed") return filled(words.serverFailed, { id: problem.id || "–" });
  const said = { ended: words.sessionEnded, away: words.serverAway, offline: words.offline, refused: words.notAllowed };
  return said[problem.kind] || filled(words.serverFailed, { id: problem.id || "–" });
}

function waiting(seconds) {
  return seconds > 90 ? counted(words.minutes, Math.ceil(seconds / 60)) : counted(words.seconds, seconds);
}
