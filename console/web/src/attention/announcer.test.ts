import { expect, test } from 'vitest';
import { Announcer, breath, fades, toldOf } from './announcer';

/** A region, and a clock that goes only when it is told to. */
class Region {
  time = 0;
  said: string[] = [];
  private timers: { at: number; f: () => void }[] = [];
  announcer = new Announcer({
    after: (ms, f) => {
      const timer = { at: this.time + ms, f };
      this.timers.push(timer);
      return () => void (this.timers = this.timers.filter((t) => t !== timer));
    },
    show: (text) => void this.said.push(text),
    more: (count) => `and ${count} more`,
  });

  pass(ms: number): void {
    for (const end = this.time + ms; ; ) {
      const next = this.timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0];
      this.time = next?.at ?? end;
      if (!next) return;
      this.timers = this.timers.filter((t) => t !== next);
      next.f();
    }
  }
}

test('one thing is said at once, and is gone after a while', () => {
  const r = new Region();
  r.announcer.say('c1', 'rings');
  expect(r.said).toEqual(['rings']);
  r.pass(fades);
  expect(r.said).toEqual(['rings', '']);
});

test('what comes together is said together, of one thing the latest, and of much how much more', () => {
  const r = new Region();
  r.announcer.say('c1', 'asked');
  r.announcer.say('c1', 'calling');
  r.announcer.say('c1', 'connecting');
  for (const c of ['a', 'b', 'c', 'd', 'e']) r.announcer.say(c, `${c} is over`);
  r.announcer.drop('a');
  r.pass(breath);
  expect(r.said).toEqual(['asked', 'connecting. b is over. c is over. and 2 more']);
});

test('however much happens, it is said once a second', () => {
  const r = new Region();
  for (let i = 0; i < 500; i++) {
    r.announcer.say(`c${i}`, `${i} is over`);
    r.pass(20);
  }
  expect(r.said.length).toBeLessThanOrEqual(11);
  r.pass(breath + fades);
  expect(r.said.at(-1)).toBe('');
});

test('what is not so any more is not said, and not left standing', () => {
  const r = new Region();
  r.announcer.say('c1', 'rings');
  r.announcer.say('c2', 'rings too');
  r.announcer.clear();
  r.pass(10 * fades);
  expect(r.said.filter(Boolean)).toEqual(['rings']);
  r.announcer.say('c3', 'rings');
  r.announcer.stop();
  r.pass(10 * fades);
  expect(r.said.at(-1)).toBe('rings');
});

test('what began while nobody spoke is said afterwards', () => {
  const calls = (...ids: string[]) => new Set(ids);
  let told = toldOf(calls(), calls('a'), true);
  told = toldOf(told, calls('a', 'b'), false);
  expect(told).toEqual(calls('a'));
  expect(toldOf(told, calls('b'), false)).toEqual(calls());
  expect(toldOf(told, calls('a', 'b'), true)).toEqual(calls('a', 'b'));
});
