// The page: signing in, or the workplace. Everything else is named after what it shows.
import { ask } from "./api.js";
import { showSigning } from "./signing.js";
import { translate, words } from "./words.js";
import { endWorkplace, openWorkplace } from "./workplace.js";

async function start() {
  translate(document);
  document.title = words.product;
  try {
    const agent = await ask("/page/session");
    if (agent) open(agent);
    else showSigning(open, null);
  } catch (problem) {
    showSigning(open, problem);
  }
}

function open(agent) {
  openWorkplace(agent, (problem) => {
    endWorkplace();
    showSigning(open, problem);
  });
}

start();
