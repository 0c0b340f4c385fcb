import { expect, test } from 'vitest';
import { isSound, samplesOf, soundNames, tunes, type Tune } from './tunes';
import { Turn, type Locks } from './turn';

test.each(Object.entries(tunes) as [string, Tune][])('%s is heard, is not distorted, and does not click where it begins anew', (_, tune) => {
  const samples = samplesOf(tune, 8000);
  expect(samples.length).toBe(tune.every * 8000);
  const peak = samples.reduce((m, s) => Math.max(m, Math.abs(s)), 0);
  expect(peak).toBeGreaterThan(0.2);
  expect(peak).toBeLessThanOrEqual(1);
  expect(Math.abs(samples[0]!)).toBeLessThan(0.01);
  expect(Math.abs(samples.at(-1)!)).toBeLessThan(0.01);
});

test('there are sounds to choose from, and silence', () => {
  expect(soundNames).toContain('none');
  expect(isSound('none')).toBe(true);
  expect(isSound('constructor')).toBe(false);
});

/** The locks of one browser. */
class OneLock implements Locks {
  private queue: { held: () => Promise<void>; signal: AbortSignal }[] = [];
  private busy = false;
  request(_: string, { signal }: { signal: AbortSignal }, held: () => Promise<void>): Promise<unknown> {
    this.queue.push({ held, signal });
    void this.next();
    return Promise.resolve();
  }
  private async next(): Promise<void> {
    if (this.busy) return;
    const first = this.queue.shift();
    if (!first) return;
    if (!first.signal.aborted) {
      this.busy = true;
      await first.held();
      this.busy = false;
    }
    void this.next();
  }
}
const settle = () => new Promise((r) => setTimeout(r));

test('one of several pages has its turn, and gives it on', async () => {
  const locks = new OneLock();
  const has: Record<string, boolean> = {};
  const pages = ['a', 'b', 'c'].map((id) => new Turn(locks, (mine) => (has[id] = mine)));
  const [a, b, c] = pages as [Turn, Turn, Turn];
  for (const page of pages) page.want(true);
  await settle();
  expect(has).toEqual({ a: true });
  b.want(false); // before it came
  a.want(false);
  await settle();
  expect(has).toEqual({ a: false, b: false, c: true });
  a.want(true);
  a.want(true);
  await settle();
  expect(has['a']).toBe(false);
  c.want(false);
  await settle();
  expect(has).toEqual({ a: true, b: false, c: false });
});

test('without locks each page sounds by itself', () => {
  let mine = false;
  const turn = new Turn(undefined, (m) => (mine = m));
  turn.want(true);
  expect(mine).toBe(true);
  turn.want(false);
  expect(mine).toBe(false);
});
