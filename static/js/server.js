/* Talks to the portal for the review pages: pages fetched ahead, posts that say what failed. */

/* Why something was not saved; ``code`` is the server's, or "offline" or "signed_out". */
export class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

const SIGNED_OUT =
  "You are signed out, so nothing was saved. Sign in in another tab, then press again; what you typed is kept.";
const OFFLINE = "The portal could not be reached, so nothing was saved. What you typed is kept; press again.";
const ODD = "The portal could not save this. What you typed is kept; reload and try again.";

const token = () => document.querySelector("meta[name=csrf-token]").content;

async function ask(address, options) {
  let answer;
  try {
    answer = await fetch(address, { credentials: "same-origin", ...options });
  } catch {
    throw new Refused("offline", OFFLINE);
  }
  if (answer.redirected && new URL(answer.url).pathname.startsWith("/accounts/")) {
    throw new Refused("signed_out", SIGNED_OUT);
  }
  return answer;
}

/* Fetch a page and take it apart; looking ahead takes no lock. */
export async function getPage(address, { ahead = false } = {}) {
  const answer = await ask(address, { headers: ahead ? { "X-Look-Ahead": "yes" } : {} });
  if (!answer.ok) throw new Refused("odd", ODD);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("meta[name=csrf-token]")?.content;
  if (fresh) document.querySelector("meta[name=csrf-token]").content = fresh;
  return page;
}

export async function getJson(address) {
  const answer = await ask(address, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Refused("odd", ODD);
  return answer.json();
}

/* Post a form; a token that no longer fits (signed in anew) is fetched once. */
export async function post(address, data, { again = true, keepalive = false } = {}) {
  const body = new URLSearchParams(data);
  body.delete("csrfmiddlewaretoken");
  const headers = { Accept: "application/json", "X-CSRFToken": token() };
  const answer = await ask(address, { method: "POST", body, headers, keepalive });
  if (answer.ok) return answer.json();
  if (answer.status === 403 && again) {
    await getPage(location.href, { ahead: true });
    return post(address, data, { again: false });
  }
  let told = {};
  try {
    told = await answer.json();
  } catch {
    told = {};
  }
  throw new Refused(told.code ?? "odd", told.message ?? ODD);
}
