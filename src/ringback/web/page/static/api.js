// Asks the server. What goes wrong is a Problem of a kind that the page has words for.
const PATIENCE_MS = 15000;

let asker = ""; // the agent whose page this is: another tab may have signed in as another one

// Whoever is not signed in any more is told so, in place of another agent's calls.
export function askAs(id) {
  asker = id;
}

export class Problem extends Error {
  // kind: offline, away, ended, wrong, locked, refused, failed
  constructor(kind, { wait = 0, id = "" } = {}) {
    super(kind);
    this.kind = kind;
    this.wait = wait;
    this.id = id;
  }
}

const KINDS = { 401: "ended", 403: "refused", 404: "wrong", 429: "locked", 503: "away" };

export async function ask(path, { method = "GET", query = {}, body = null, signal = null } = {}) {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const answer = await sent(`${path}${asQuery(query)}`, {
    method,
    headers: { "X-Ringback-Page": asker || "1", ...(body ? { "Content-Type": "application/json" } : {}) },
    body: body ? JSON.stringify(body) : null,
    credentials: "same-origin",
    cache: "no-store",
    signal: signal ? AbortSignal.any([signal, patience]) : patience,
  });
  if (answer.ok) return answer.status === 204 ? null : await whole(answer);
  throw new Problem(KINDS[answer.status] || "failed", {
    wait: Number(answer.headers.get("Retry-After")) || 0,
    id: answer.headers.get("X-Request-ID") || "",
  });
}

export function asQuery(values) {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

async function sent(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error; // the page itself has moved on
    throw new Problem("offline");
  }
}

async function whole(answer) {
  try {
    return await answer.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("offline"); // the answer was cut off
  }
}
