import { afterEach, expect, test, vi } from 'vitest';
import { calm, current, keepLooking, later, mayReload, partsOf, soon, type Moment } from './version';

afterEach(() => vi.unstubAllGlobals());

const page = (script: string): string =>
  `<link rel="icon" href="/icon.svg" /><script type="module" crossorigin src="/assets/${script}.js"></script><link rel="stylesheet" crossorigin href="/assets/a.css">`;

test('a page is known by what the build has made', () => {
  expect(partsOf(page('one'))).toBe('/assets/a.css /assets/one.js');
  expect(partsOf(page('one') + page('one'))).toBe(partsOf(page('one')));
  expect(partsOf('<title>Bad gateway</title><script src="/other.js"></script>')).toBe('');
});

test('what cannot be told is no newer page', async () => {
  for (const answer of [() => Promise.reject(new Error('away')), async () => new Response('Bad gateway', { status: 502 }), async () => new Response('a proxy')]) {
    vi.stubGlobal('fetch', answer);
    expect(await current()).toBe('');
  }
  const fetched = vi.fn(async () => new Response(page('two')));
  vi.stubGlobal('fetch', fetched);
  expect(await current()).toBe('/assets/a.css /assets/two.js');
  expect(fetched).toHaveBeenCalledWith('/index.html', expect.anything()); // the worker may answer / with what it has stored
});

test('nobody loses anything by it', () => {
  const quiet: Moment = { hidden: false, rings: false, busy: false, silenced: false, quietFor: calm };
  expect(mayReload(quiet)).toBe(true);
  expect(mayReload({ ...quiet, quietFor: calm - 1 })).toBe(false);
  expect(mayReload({ ...quiet, quietFor: 0, hidden: true })).toBe(true);
  for (const not of [{ rings: true }, { busy: true }, { silenced: true }]) {
    expect(mayReload({ ...quiet, ...not })).toBe(false);
    expect(mayReload({ ...quiet, ...not, hidden: true })).toBe(false);
  }
});

test('it is looked again soon and then from time to time, until the connection is gone', () => {
  vi.useFakeTimers();
  const look = vi.fn();
  const end = keepLooking(look);
  const after = [0, soon, later - 1, 1, later].map((ms) => (vi.advanceTimersByTime(ms), look.mock.calls.length));
  end();
  vi.advanceTimersByTime(3 * later);
  expect([...after, look.mock.calls.length]).toEqual([1, 2, 2, 3, 4, 4]);
  vi.useRealTimers();
});
