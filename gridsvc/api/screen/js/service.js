/** The service over HTTP: refusals become errors that can be read, an outage becomes a state that can be seen. */

const READ_TIMEOUT_MS = 15_000;
const WRITE_TIMEOUT_MS = 30_000;

/**
 * A refusal of the service (problem details), or the service being away (`away` true). Away with status 0 means no
 * answer at all: what was sent may have arrived. Send it again with the same Idempotency-Key. `slow`: no answer within
 * the time that the caller gave; `dropped`: the caller no longer wants it. Neither says that the service is away.
 */
export class ServiceError extends Error {
  constructor(problem, { away = false, slow = false, dropped = false, status = 0 } = {}) {
    super(problem.detail ?? problem.title ?? String(status));
    this.problem = problem;
    this.away = away;
    this.slow = slow;
    this.dropped = dropped;
    this.status = status;
    this.kind = String(problem.type ?? "").split(/[/:]/).pop();
  }
}

/** When data last arrived, and how far the server's clock is ahead of ours (ms). */
export const link = { answeredAt: null, awaySince: null, aheadMs: 0 };

const listeners = new Set();
export const onLink = (listener) => listeners.add(listener);

/** Now by the service's clock, as far as its answers tell. */
export const now = () => Date.now() + link.aheadMs;

export const get = (path, wait = {}) => ask("GET", path, undefined, {}, wait);
export const post = (path, body, headers = {}) => ask("POST", path, body, headers);

export const remove = (path, headers = {}) => ask("DELETE", path, undefined, headers);

let csrf = null; // what a write must carry beside the session's cookie; null without sign-in

/** Who is signed in: {auth, name, role, rights, ...}; goes to the sign-in page where nobody is. */
export async function readSession() {
  const me = await get("/session");
  csrf = me.csrf ?? null;
  return me;
}

/** End the session and go to the sign-in page. */
export async function signOut() {
  await ask("DELETE", "/session").catch(() => null);
  location.assign("/sign-in");
}

/** `wait`: {signal, timeoutMs} of an answer that its caller can do without. */
async function ask(method, path, body, headers = {}, { signal, timeoutMs } = {}) {
  const patience = AbortSignal.timeout(timeoutMs ?? (method === "GET" ? READ_TIMEOUT_MS : WRITE_TIMEOUT_MS));
  const unwanted = () => {
    if (signal?.aborted) throw new ServiceError({ detail: "" }, { dropped: true });
    if (timeoutMs && patience.aborted) throw new ServiceError({ detail: "" }, { slow: true });
  };
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: { Accept: "application/json", ...(body ? { "Content-Type": "application/json" } : {}), ...(csrf && method !== "GET" ? { "X-CSRF-Token": csrf } : {}), ...headers },
      body: body ? JSON.stringify(body) : undefined,
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
      cache: "no-cache",
    });
  } catch {
    unwanted();
    gone();
    throw new ServiceError({ detail: "" }, { away: true });
  }
  const known = (answer.headers.get("content-type") ?? "").includes("json") ? await answer.json().catch(() => null) : null;
  unwanted();
  if (answer.status === 503 || answer.status === 502 || answer.status === 504) {
    gone();
    throw new ServiceError(known ?? { detail: "" }, { away: true, status: answer.status });
  }
  came(answer);
  if (answer.status === 401) location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
  if (!answer.ok) throw new ServiceError(known ?? { title: answer.statusText }, { status: answer.status });
  return known;
}

function gone() {
  link.awaySince ??= Date.now();
  for (const listener of listeners) listener();
}

function came(answer) {
  const stamp = Date.parse(answer.headers.get("date") ?? "");
  // The header has whole seconds: take it as the middle of its second, and correct only what is worth it.
  if (Number.isFinite(stamp)) {
    const ahead = stamp + 500 - Date.now();
    if (Math.abs(ahead - link.aheadMs) > 1_500) link.aheadMs = Math.abs(ahead) > 1_500 ? ahead : 0;
  }
  const back = link.awaySince !== null;
  link.answeredAt = Date.now();
  link.awaySince = null;
  if (back) for (const listener of listeners) listener();
}

/** Call `work` now and every `everyMs`; slower while it fails or nobody looks. Returns "do it now". */
export function poll(work, everyMs) {
  let timer;
  let failures = 0;
  let running = null;
  async function turn() {
    clearTimeout(timer);
    running ??= work().then(
      () => { failures = 0; },
      () => { failures += 1; },
    ).finally(() => { running = null; });
    await running;
    clearTimeout(timer);
    const slow = document.hidden ? 5 : 1;
    timer = setTimeout(turn, Math.min(everyMs * slow * 2 ** Math.min(failures, 3), 15_000));
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden) turn(); });
  turn();
  return turn;
}
