import { afterEach, expect, test, vi } from 'vitest';
import { discard, holds, keyBytes, sameKey, subscribe, support, unsubscribe } from './push';

afterEach(() => vi.unstubAllGlobals());

const key = 'BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM';

/** A daemon and a browser's push service, and what is asked of them. */
function world(o: { status?: number; have?: string; refuses?: boolean; known?: string[]; away?: boolean } = {}) {
  const log: string[] = [];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    log.push(`${init.method} ${url}`);
    if (o.away) throw new Error('away');
    if (init.method === 'GET') return Response.json({ public_key: key, subscriptions: 0, endpoints: o.known ?? [] });
    const status = o.status ?? 200;
    return status === 200 ? Response.json({}) : Response.json({ code: 'invalid', detail: 'no' }, { status });
  });
  const made = (bytes: Uint8Array) => ({
    options: { applicationServerKey: bytes.buffer }, endpoint: 'https://push.example/1', toJSON: () => ({}),
    unsubscribe: async () => log.push('unsubscribe') > 0,
  });
  const manager = {
    getSubscription: async () => (o.have ? made(keyBytes(o.have)) : null),
    subscribe: async (with_: { applicationServerKey: Uint8Array }) => {
      log.push('subscribe');
      if (o.refuses) throw new Error('no push service');
      return made(with_.applicationServerKey);
    },
  };
  return { log, registration: { pushManager: manager } as unknown as ServiceWorkerRegistration };
}

test('a key is 65 bytes of base64url', () => {
  expect(keyBytes(key)).toHaveLength(65);
  expect(sameKey(keyBytes(key).buffer, keyBytes(key))).toBe(true);
  expect(sameKey(null, keyBytes(key))).toBe(false);
});

test('it is turned on with the daemon’s key', async () => {
  const { log, registration } = world();
  expect(await subscribe(registration)).toEqual({ state: 'on' });
  expect(log).toEqual(['GET /api/v1/me/push', 'subscribe', 'PUT /api/v1/me/push']);
});

test('a subscription is kept if it is for that key, and made anew if not', async () => {
  const kept = world({ have: key });
  await subscribe(kept.registration);
  expect(kept.log).toEqual(['GET /api/v1/me/push', 'PUT /api/v1/me/push']);
  const other = world({ have: 'AAAA' });
  await subscribe(other.registration);
  expect(other.log).toEqual(['GET /api/v1/me/push', 'unsubscribe', 'subscribe', 'PUT /api/v1/me/push']);
});

test('who refuses is said, and nothing is left behind', async () => {
  expect(await subscribe(world({ refuses: true }).registration)).toEqual({ failed: 'browser' });
  const { log, registration } = world({ status: 422 });
  expect(await subscribe(registration)).toMatchObject({ refused: { code: 'invalid' } });
  expect(log.at(-1)).toBe('unsubscribe');
});

test('it is turned off on both sides', async () => {
  const { log, registration } = world({ have: key });
  await unsubscribe(registration);
  expect(log).toEqual(['DELETE /api/v1/me/push', 'unsubscribe']);
});

test('one that the daemon has no more is seen, and let go of', async () => {
  expect(await holds(world({ have: key, known: ['https://push.example/1'] }).registration)).toBe(true);
  expect(await holds(world({ have: key, known: ['https://push.example/2'] }).registration)).toBe(false);
  expect(await holds(world({ known: ['https://push.example/1'] }).registration)).toBe(false);
  expect(await holds(world({ have: key, away: true }).registration)).toBeUndefined();
  const { log, registration } = world({ have: key });
  await discard(registration);
  expect(log).toEqual(['unsubscribe']);
  await discard(world().registration);
});

test('an iPhone has it only on the home screen', () => {
  const iphone = { push: false, agent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)', touch: 5, installed: false };
  expect(support(iphone)).toBe('install');
  expect(support({ ...iphone, installed: true })).toBe('unsupported');
  expect(support({ ...iphone, push: true })).toBeUndefined();
  expect(support({ ...iphone, agent: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)' })).toBe('install');
  expect(support({ ...iphone, agent: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)', touch: 0 })).toBe('unsupported');
});
