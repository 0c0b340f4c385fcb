import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Paced } from './paced';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function paced() {
  const told: number[] = [];
  const pace = new Paced<number>((n) => told.push(n), 300, (before, now) => (before ?? 0) === 0 || now === 0);
  return { told, pace };
}

test('the first is told at once, and the last of many when it is time', () => {
  const { told, pace } = paced();
  for (const n of [1, 2, 3, 4]) pace.put(n);
  expect(told).toEqual([1]);
  vi.advanceTimersByTime(299);
  expect(told).toEqual([1]);
  vi.advanceTimersByTime(1);
  expect(told).toEqual([1, 4]);
  vi.advanceTimersByTime(10_000);
  expect(told).toEqual([1, 4]);
  pace.put(5); // after a while the next is the first again
  expect(told).toEqual([1, 4, 5]);
});

test('of twenty in a second three or four are told, and the last', () => {
  const { told, pace } = paced();
  for (let i = 1; i <= 40; i++) {
    pace.put(i);
    vi.advanceTimersByTime(50);
  }
  vi.advanceTimersByTime(300);
  expect(told.length).toBeLessThanOrEqual(2_000 / 300 + 2);
  expect(told.at(-1)).toBe(40);
});

test('that something rings, and that nothing does any more, waits for nothing', () => {
  const { told, pace } = paced();
  for (const n of [1, 2, 0, 3, 4]) pace.put(n);
  expect(told).toEqual([1, 0, 3]);
  vi.advanceTimersByTime(300);
  expect(told).toEqual([1, 0, 3, 4]);
});

test('what waits can be told now, and is told once', () => {
  const { told, pace } = paced();
  for (const n of [1, 2]) pace.put(n);
  pace.flush();
  expect(told).toEqual([1, 2]);
  vi.advanceTimersByTime(1_000);
  pace.flush();
  expect(told).toEqual([1, 2]);
});

test('what waits is forgotten with what was told', () => {
  const { told, pace } = paced();
  pace.put(1);
  pace.put(2);
  pace.forget();
  vi.advanceTimersByTime(10_000);
  expect(told).toEqual([1]);
  pace.put(3);
  expect(told).toEqual([1, 3]);
});
