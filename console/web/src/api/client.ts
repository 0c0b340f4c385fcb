// Requests to the daemon. What it refuses is a value here, not an exception: every caller has to say it to a person.
import type { Problem } from './types';

export type Answer<T> = { ok: true; data: T } | { ok: false; problem: Refusal };
export interface Refusal extends Problem {
  /** Seconds after which to try again; 0: not said. */
  retryAfter: number;
}

const nobody: Refusal = { status: 0, code: 'offline', detail: '', details: {}, retryAfter: 0 };

/** How long an answer is waited for, in ms: a network may swallow a request without a word. */
const patience = 20_000;

/** A pickup answers when the phone has been answered, or has rung for as long as is configured: up to five minutes. */
export const pickupPatience = 330_000;

export async function request<T>(method: string, path: string, body?: unknown, ends = AbortSignal.timeout(patience)): Promise<Answer<T>> {
  const init: RequestInit = { method, credentials: 'same-origin', cache: 'no-store', signal: ends };
  if (body !== undefined) {
    init.headers = { 'Content-Type': 'application/json' };
    init.body = JSON.stringify(body);
  }
  try {
    const response = await fetch('/api/v1' + path, init);
    if (response.ok) {
      return { ok: true, data: (response.status === 204 ? undefined : await response.json()) as T };
    }
    return { ok: false, problem: await refusal(response) };
  } catch {
    return { ok: false, problem: nobody };
  }
}

/** refusal reads a problem document (RFC 9457). A proxy in between may answer with something else. */
export async function refusal(response: Response): Promise<Refusal> {
  let problem: Partial<Problem> = {};
  try {
    problem = (await response.json()) as Partial<Problem>;
  } catch {
    // What it says is not for us; the status is.
  }
  return {
    status: response.status,
    code: problem.code ?? (response.status === 401 ? 'unauthorized' : 'unavailable'),
    detail: problem.detail ?? '',
    details: problem.details ?? {},
    retryAfter: Number(response.headers.get('Retry-After')) || 0,
  };
}

const id = encodeURIComponent;

export const paths = {
  pickup: (call: string) => `/calls/${id(call)}/pickup`,
  login: (group: string, on: boolean) => `/groups/${id(group)}/${on ? 'join' : 'leave'}`,
  force: (group: string, person: string, on: boolean) => `/groups/${id(group)}/people/${id(person)}/${on ? 'force_in' : 'force_out'}`,
  forward: (person: string, kind: string) => `/people/${id(person)}/forwarding/${id(kind)}`,
  forwards: (person: string) => `/people/${id(person)}/forwarding`,
  dnd: (person: string) => `/people/${id(person)}/dnd`,
};
