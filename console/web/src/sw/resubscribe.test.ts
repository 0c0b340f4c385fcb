import { afterEach, expect, test, vi } from 'vitest';
import { again } from './resubscribe';

afterEach(() => vi.unstubAllGlobals());

const subscription = (endpoint: string) => ({ endpoint, toJSON: () => ({ endpoint }) }) as unknown as PushSubscription;

/** A daemon that knows who is signed in, or nobody, and a browser's push service. */
function world(o: { status?: number; refuses?: boolean } = {}) {
  const log: string[] = [];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    log.push([init.method, url, init.body].filter(Boolean).join(' '));
    if (o.status) return Response.json({ code: 'unauthorized' }, { status: o.status });
    if (init.method === 'PUT' && o.refuses) return Response.json({ code: 'unavailable' }, { status: 503 });
    return Response.json({ public_key: 'AAAA' });
  });
  const manager = {
    subscribe: async () => {
      log.push('subscribe');
      return subscription('https://push.example/new');
    },
  } as unknown as PushManager;
  return { log, manager };
}

test('a subscription that the browser has ended is made anew, and the old one is no more', async () => {
  const { log, manager } = world();
  await again(manager, { oldSubscription: subscription('https://push.example/old') });
  expect(log).toEqual([
    'GET /api/v1/me/push', 'subscribe', 'PUT /api/v1/me/push {"endpoint":"https://push.example/new"}',
    'DELETE /api/v1/me/push {"endpoint":"https://push.example/old"}',
  ]);
});

test('one that the browser has made already is taken', async () => {
  const { log, manager } = world();
  await again(manager, { oldSubscription: subscription('https://push.example/1'), newSubscription: subscription('https://push.example/1') });
  expect(log).toEqual(['GET /api/v1/me/push', 'PUT /api/v1/me/push {"endpoint":"https://push.example/1"}']);
});

test('the old one is kept if the new one is not taken, and nothing is done for nobody', async () => {
  const refuses = world({ refuses: true });
  await again(refuses.manager, { oldSubscription: subscription('https://push.example/old') });
  expect(refuses.log.at(-1)).toMatch(/^PUT/);
  const nobody = world({ status: 401 });
  await again(nobody.manager, {});
  expect(nobody.log).toEqual(['GET /api/v1/me/push']);
});
