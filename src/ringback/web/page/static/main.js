// The page: signing in, or the workplace. Everything else is named after what it shows.
import { ask, Problem } from "./api.js";
import { showSigning } from "./signing.js";
import { translate, words } from "./words.js";

async function start() {
  translate(document);
  document.title = words.product;
  let agent = null;
  try {
    agent = await ask("/page/session");
  } catch (problem) {
    return showSigning(open, problem);
  }
  return agent ? open(agent) : showSigning(open, null);
}

// The form does not wait for the workplace, which is on its way meanwhile. Where that does not come, nothing is shown, and
// after a moment the page says so by itself (style.css, .late).
async function open(agent) {
  const { openWorkplace, endWorkplace } = await import("./workplace.js").catch(() => {
    throw new Problem("offline");
  });
  openWorkplace(agent, (problem) => {
    endWorkplace();
    showSigning(open, problem);
  });
}

start();
