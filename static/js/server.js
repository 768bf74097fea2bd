/* Translated messages; requests of the review pages, with clear errors. */

/* Whoever waits longer for an answer has no connection. */
export const PATIENCE_MS = 20_000;

/* A failed request; ``code`` is from the server, or "offline" or "signed_out". */
export class Refused extends Error {
  constructor(code, message, status = 0) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/* Return a translated message with its {names} filled in. */
export function say(name, values = {}) {
  const words = [...document.querySelectorAll("[data-words]")].find((node) => name in node.dataset).dataset[name];
  return words.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

/* Return the message for a count: ``NAME-one`` where the language uses its singular, else
   ``NAME-many``; {n} is the count. */
const rules = new Intl.PluralRules(document.documentElement.lang);
export const plural = (name, n, values = {}) => say(name + (rules.select(n) === "one" ? "One" : "Many"), { n, ...values });

const token = () => document.querySelector("meta[name=csrf-token]").content;

async function ask(address, options) {
  let answer;
  try {
    answer = await fetch(address, { credentials: "same-origin", ...options });
  } catch {
    throw new Refused("offline", say("offline"));
  }
  if (answer.redirected && new URL(answer.url).pathname.startsWith("/accounts/")) {
    throw new Refused("signed_out", say("signedOut"));
  }
  return answer;
}

/* Fetch and parse a page; with ``ahead`` the server takes no review lock. */
export async function getPage(address, { ahead = false } = {}) {
  const headers = ahead ? { "X-Look-Ahead": "yes" } : {};
  const answer = await ask(address, { headers, signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok) throw new Refused("odd", say("odd"));
  const text = await answer.text().catch(() => { throw new Refused("offline", say("offline")); });
  const page = new DOMParser().parseFromString(text, "text/html");
  const fresh = page.querySelector("meta[name=csrf-token]")?.content;
  if (fresh) document.querySelector("meta[name=csrf-token]").content = fresh;
  return page;
}

export async function getJson(address) {
  const answer = await ask(address, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Refused("odd", say("odd"));
  return answer.json();
}

/* Post a form; after a new sign-in, fetch a new CSRF token and try once more. With
   ``sentBy`` the portal refuses it in the name of any other user. */
export async function post(address, data, { again = true, keepalive = false, sentBy = "" } = {}) {
  const body = new URLSearchParams(data);
  body.delete("csrfmiddlewaretoken");
  const headers = { Accept: "application/json", "X-CSRFToken": token(), ...(sentBy && { "X-Sent-By": sentBy }) };
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const answer = await ask(address, { method: "POST", body, headers, keepalive, signal });
  if (answer.ok) return answer.json();
  if (answer.status === 403 && again) {
    await getPage(location.href, { ahead: true });
    return post(address, data, { again: false, keepalive, sentBy });
  }
  let problem = {};
  try {
    problem = await answer.json();
  } catch {
    problem = {};
  }
  throw new Refused(problem.code ?? "odd", problem.message ?? say("odd"), answer.status);
}

/* Return a function that calls ``act`` when the call before has ended. */
export function inTurn(act) {
  let last = Promise.resolve();
  return () => {
    last = last.then(act);
    return last;
  };
}
