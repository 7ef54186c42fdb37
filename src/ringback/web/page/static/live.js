// News from the server, as they come. Told when the connection is away; found again by itself.
import { asQuery, ask } from "./api.js";
import { by } from "./dom.js";
import { words } from "./words.js";

const LOST_MS = 2500; // what is mended sooner needs no word
const AGAIN_MS = 3000;

// Calls `changed` when the lists of the agent `as` (or of whom `of` says) have changed, `ended` when the session has; returns what stops it.
export function listen({ of, as }, { changed, ended }) {
  let source = null;
  let stamp = null;
  let lost = 0;
  let again = 0;

  function open() {
    source?.close();
    source = new EventSource(`/page/live${asQuery({ of, as })}`);
    source.addEventListener("change", (event) => {
      found();
      if (stamp !== event.data) changed(); // the first too: the list may have been read a moment before
      stamp = event.data;
    });
    source.addEventListener("ended", ended);
    source.addEventListener("error", missed);
  }

  function found() {
    clearTimeout(lost);
    lost = 0;
    show(words.live, "on");
  }

  function missed() {
    stamp = null; // whatever was asked for meanwhile may not have come
    lost ||= setTimeout(() => show(words.reconnecting, "off"), LOST_MS);
    if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    source.close();
    clearTimeout(again);
    again = setTimeout(lookAgain, AGAIN_MS);
  }

  // The server refused: because the session has ended, or because it is away behind a proxy that answers for it.
  async function lookAgain() {
    try {
      if (await ask("/page/session")) open();
      else ended();
    } catch {
      again = setTimeout(lookAgain, AGAIN_MS);
    }
  }

  // Browsers open six connections to a server at most: pages that nobody sees leave theirs to those that are seen.
  function seen() {
    if (document.hidden) source?.close();
    else open();
  }

  open();
  document.addEventListener("visibilitychange", seen);
  return () => {
    source?.close();
    clearTimeout(lost);
    clearTimeout(again);
    document.removeEventListener("visibilitychange", seen);
    show("", "");
  };
}

function show(text, state) {
  by("live").textContent = text;
  by("live").className = `live ${state}`;
}
