import { pause } from "./preloader.js";

const TIMEOUT_MS = 15000;

// The server said that it will never take this.
export class Refused extends Error {}

// Posts JSON until the server has answered; gives its reply.
export async function post(url, body, { send = fetch, wait = pause, waiting = () => {} } = {}) {
  const options = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  return insist(() => send(url, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) }), wait, waiting);
}

// Gets JSON until the server has answered.
export async function get(url, { send = fetch, wait = pause, waiting = () => {} } = {}) {
  return insist(() => send(url, { signal: AbortSignal.timeout(TIMEOUT_MS) }), wait, waiting);
}

// Tries for ever, each time later, up to 10 s apart; `waiting(true)` while it does.
async function insist(ask, wait, waiting) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const answer = await ask();
      if (answer.ok) {
        const reply = await answer.json();
        waiting(false);
        return reply;
      }
      if (!passing(answer.status)) throw new Refused(await reasonOf(answer));
    } catch (error) {
      if (error instanceof Refused) throw error;
    }
    waiting(true);
    await wait(Math.min(10000, 500 * 2 ** attempt));
  }
}

function passing(status) {
  return status >= 500 || [408, 425, 429].includes(status);
}

async function reasonOf(answer) {
  try {
    return String((await answer.json()).error);
  } catch {
    return `the server answered ${answer.status}`;
  }
}
