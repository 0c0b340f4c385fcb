import { expect, test } from 'vitest';
import { pickupPatience } from '../api/client';
import type { Call } from '../api/types';
import { Attempts, unheard } from './attempts.svelte';

function lab() {
  let timers: { at: number; f: () => void }[] = [];
  let now = 0;
  const attempts = new Attempts('anna', (ms, f) => {
    const timer = { at: now + ms, f };
    timers.push(timer);
    return () => void (timers = timers.filter((t) => t !== timer));
  });
  return {
    attempts,
    pass(ms: number): void {
      now += ms;
      const due = timers.filter((t) => t.at <= now);
      timers = timers.filter((t) => t.at > now);
      for (const t of due) t.f();
    },
    get timers() {
      return timers.length;
    },
    get phase() {
      return attempts.phases.get('c1');
    },
  };
}
const call = (by: string, state = 'ringing') => ({ id: 'c1', state, picking_up_by: by }) as Call;

test('what is asked for is under way until the answer', () => {
  const l = lab();
  const request = l.attempts.ask('c1')!;
  expect([l.phase, l.attempts.ask('c1')]).toEqual(['asked', undefined]);
  l.attempts.told(call('')); // of before
  expect(l.phase).toBe('asked');
  l.attempts.told(call('anna'));
  expect(l.phase).toBe('calling');
  l.attempts.progress('c1', 'connecting');
  l.attempts.told(call('anna'));
  expect(l.phase).toBe('connecting');
  expect([l.attempts.over(request), l.phase, l.timers]).toEqual([true, undefined, 0]);
});

test('a request that nobody hears is given up, and another may follow', () => {
  const l = lab();
  const first = l.attempts.ask('c1')!;
  l.pass(unheard - 1);
  expect(first.signal.aborted).toBe(false);
  l.pass(1);
  expect(first.signal.aborted).toBe(true);
  expect([l.attempts.over(first), l.phase]).toEqual([true, undefined]);
  expect(l.attempts.ask('c1')).toBeDefined();
  expect(l.phase).toBe('asked');
});

test('one that was heard is waited for as long as the phone may ring', () => {
  const l = lab();
  const request = l.attempts.ask('c1')!;
  l.attempts.progress('c1', 'calling');
  l.attempts.lost();
  l.pass(unheard);
  expect(request.signal.aborted).toBe(false);
  l.pass(pickupPatience - unheard);
  expect(request.signal.aborted).toBe(true);
});

test('with the line what was asked for is given up', () => {
  const l = lab();
  const request = l.attempts.ask('c1')!;
  l.attempts.lost();
  expect(request.signal.aborted).toBe(true);
});

test('when the line is back the call says whether it is still being picked up, and an answer that comes late disturbs nothing', () => {
  const l = lab();
  const first = l.attempts.ask('c1')!;
  l.attempts.told(call('anna'));
  l.attempts.lost();
  l.attempts.progress('c1', 'calling'); // told once more after a reconnect
  l.attempts.told(call('')); // the phone has declined
  expect(l.phase).toBeUndefined();
  const second = l.attempts.ask('c1')!;
  expect([l.attempts.over(first), l.phase]).toEqual([false, 'asked']);
  l.attempts.told(call('', 'answered'));
  expect([l.phase, l.attempts.over(second)]).toEqual([undefined, false]);
});

test('who began elsewhere sees it here', () => {
  const l = lab();
  l.attempts.told(call('anna'));
  expect(l.phase).toBe('calling');
  l.attempts.told(call('emil'));
  expect(l.phase).toBeUndefined();
});
