import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Toasts } from './toasts.svelte';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const texts = (toasts: Toasts) => toasts.list.map((t) => t.text).join(' ');

test('a message goes by itself, and a refusal stays longer', () => {
  const toasts = new Toasts();
  toasts.say('done', 'a');
  toasts.say('refused', 'b');
  vi.advanceTimersByTime(5_000);
  expect(texts(toasts)).toBe('b');
  vi.advanceTimersByTime(7_000);
  expect(texts(toasts)).toBe('');
});

test('what somebody is at stays, and goes when they have left, though nobody says so', () => {
  const toasts = new Toasts();
  let on: number | undefined = 0;
  toasts.at = () => ({ held: on !== undefined, on });
  toasts.say('done', 'a');
  toasts.say('done', 'b');
  vi.advanceTimersByTime(60_000);
  expect(texts(toasts)).toBe('a b');
  toasts.close(0);
  on = undefined; // the button that had the focus is gone
  vi.advanceTimersByTime(1_000);
  expect(texts(toasts)).toBe('');
});

test('of very many the oldest go, but not the one that somebody is at', () => {
  const toasts = new Toasts();
  for (const text of 'abcdef') toasts.say('done', text);
  expect(texts(toasts)).toBe('b c d e f');
  toasts.at = () => ({ held: true, on: 1 });
  for (const text of 'gh') toasts.say('done', text);
  expect(texts(toasts)).toBe('b e f g h');
});

test('while nobody sees the page no time passes, and who comes back late reads when it was', () => {
  const toasts = new Toasts();
  vi.setSystemTime('2026-01-01T08:00:00.000Z');
  toasts.say('done', 'seen');
  vi.advanceTimersByTime(4_000);
  toasts.unseen = true;
  toasts.say('told', 'unseen');
  vi.advanceTimersByTime(3_600_000);
  toasts.say('done', 'just now');
  toasts.unseen = false;
  expect(toasts.list.map((t) => t.late)).toEqual([true, true, false]);
  expect(new Date(toasts.list[1]!.said).toISOString()).toBe('2026-01-01T08:00:04.000Z');
  vi.advanceTimersByTime(4_999);
  expect(texts(toasts)).toBe('seen unseen just now');
  vi.advanceTimersByTime(1);
  expect(texts(toasts)).toBe('unseen');
  toasts.unseen = true; // again, and back: it has not been read
  toasts.unseen = false;
  vi.advanceTimersByTime(19_999);
  expect(texts(toasts)).toBe('unseen');
  vi.advanceTimersByTime(1);
  expect(texts(toasts)).toBe('');
  expect(vi.getTimerCount()).toBe(0);
});

test('what is closed, cleared or makes room leaves nothing behind', () => {
  const toasts = new Toasts();
  for (const text of 'abcdef') toasts.say('done', text);
  toasts.close(1);
  expect(vi.getTimerCount()).toBe(4);
  toasts.clear();
  expect(vi.getTimerCount()).toBe(0);
});
