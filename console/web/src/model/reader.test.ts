import { expect, test } from 'vitest';
import type { Answer } from '../api/client';
import type { History, HistoryEvent } from '../api/types';
import { again, answers, apart, nowAndThen, onceMore, Reader, soon, waitMost, type World } from './reader.svelte';

/** A daemon with a history, and a clock that goes only when it is told to. */
class Lab implements World {
  time = 1_000_000;
  past: HistoryEvent[] = [];
  asked: [number, string][] = [];
  away = false;
  looked = true;
  lies = true;
  held = false;
  private timers: { at: number; f: () => void }[] = [];
  reader = new Reader(this, 'me');

  /** Something more has happened, the newest last. */
  happen(n = 1, type = 'group.left', document: unknown = {}): void {
    for (let i = 0; i < n; i++) {
      const id = String(this.past.length + 1);
      this.past.push({ id, type, time: new Date(this.time).toISOString(), subject: '', document });
    }
  }
  read(limit: number, before: string): Promise<Answer<History>> {
    this.asked.push([limit, before]);
    if (this.away) return Promise.resolve({ ok: false, problem: { status: 0, code: 'offline', detail: '', details: {}, retryAfter: 0 } });
    const end = before ? Number(before) - 1 : this.past.length;
    const start = Math.max(0, end - limit);
    const next = start > 0 ? String(start + 1) : '';
    return Promise.resolve({ ok: true, data: { events: this.past.slice(start, end).reverse(), more: next !== '', next } });
  }
  now = () => this.time;
  clock = () => this.time;
  after(ms: number, f: () => void): () => void {
    const timer = { at: this.time + ms, f };
    this.timers.push(timer);
    return () => void (this.timers = this.timers.filter((t) => t !== timer));
  }
  looks = () => this.looked;
  there = () => this.lies;
  reads = () => this.held;

  async pass(ms: number): Promise<void> {
    for (const end = this.time + ms; ; ) {
      const next = this.timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0];
      this.time = next?.at ?? end;
      if (!next) return;
      this.timers = this.timers.filter((t) => t !== next);
      next.f();
      await new Promise((r) => setTimeout(r, 0));
    }
  }
  get shown(): number {
    return this.reader.lines.length;
  }
  get newest(): string | undefined {
    return this.reader.lines[0]?.id;
  }
}

async function lab(events: number): Promise<Lab> {
  const l = new Lab();
  l.happen(events);
  await l.reader.reload();
  await l.pass(apart);
  l.asked = [];
  return l;
}

test('what is told is read soon, and little of it', async () => {
  const l = await lab(300);
  expect([l.shown, l.reader.next, l.reader.loading]).toEqual([100, '201', false]);
  l.happen(2);
  l.reader.hear();
  l.reader.hear();
  await l.pass(soon);
  expect([l.asked, l.newest, l.shown]).toEqual([[[20, '']], '302', 102]);
  await l.pass(nowAndThen - 1);
  expect(l.asked.length).toBe(1);
});

test('what is told and not there yet is looked for once more', async () => {
  const l = await lab(1);
  l.reader.hear();
  await l.pass(soon);
  l.happen();
  await l.pass(onceMore);
  expect([l.newest, l.asked.length]).toEqual(['2', 2]);
});

test('what is told all the time is read no more often than is bearable', async () => {
  const l = await lab(1);
  for (let i = 0; i < 300; i++) {
    l.happen();
    l.reader.hear();
    await l.pass(100);
  }
  expect(l.asked.filter(([, before]) => before === '').length).toBeLessThanOrEqual(30_000 / apart + 1);
  await l.pass(apart);
  expect(l.newest).toBe('301');
});

test('what nobody tells is found now and then, and at once by who looks again', async () => {
  const l = await lab(1);
  l.happen();
  await l.pass(nowAndThen);
  expect(l.newest).toBe('2');
  l.looked = false;
  l.happen();
  l.reader.hear();
  await l.pass(10 * nowAndThen);
  expect(l.newest).toBe('2');
  l.looked = true;
  l.reader.wake();
  await l.pass(0);
  expect(l.newest).toBe('3');
});

test('who reads further down has what is new wait, and what was read back stays', async () => {
  const l = await lab(300);
  await l.reader.older();
  expect([l.shown, l.reader.next]).toEqual([200, '101']);
  l.held = true;
  l.happen(3);
  l.reader.hear();
  await l.pass(apart);
  expect([l.newest, l.shown, l.reader.newer]).toEqual(['300', 200, 3]);
  await l.reader.older();
  expect([l.newest, l.shown, l.reader.newer, l.reader.next]).toEqual(['300', 300, 3, '']);
  l.reader.show();
  expect([l.newest, l.shown, l.reader.newer]).toEqual(['303', 303, 0]);
  l.held = false;
  l.happen();
  await l.pass(nowAndThen);
  expect([l.newest, l.shown]).toEqual(['304', 304]);
});

test('what makes no line moves nobody', async () => {
  const l = await lab(5);
  l.held = true;
  l.happen(2, 'call.ringing');
  await l.pass(nowAndThen);
  expect([l.shown, l.reader.newer]).toEqual([5, 0]);
});

test('a gap is closed, and what is too far takes the place of all', async () => {
  const l = await lab(50);
  l.happen(250);
  await l.pass(nowAndThen);
  expect([l.newest, l.shown, l.reader.next]).toEqual(['300', 300, '']);
  l.happen(2_000);
  await l.pass(nowAndThen);
  expect([l.newest, l.shown, l.reader.next]).toEqual(['2300', 920, '1381']);
  await l.reader.older();
  expect(l.shown).toBe(1020);
});

test('who never looks at what waits has it read no more, until they do', async () => {
  const l = await lab(1);
  l.held = true;
  for (let i = 0; i < 10; i++) {
    l.happen(100);
    await l.pass(nowAndThen);
  }
  expect(l.reader.newer).toBe(waitMost);
  l.reader.show();
  await l.pass(apart);
  expect(l.reader.newer).toBe(1000 - waitMost);
});

test('a filter reads back to a screenful, the beginning, or as far as is bearable', async () => {
  const missed = { state: 'abandoned', rang: [{ person: 'me', groups: [] }] };
  const l = new Lab();
  l.happen(30, 'call.ended', missed);
  l.happen(1_000);
  await l.reader.reload();
  expect(l.shown).toBe(100);
  await l.reader.choose('missed');
  expect([l.shown, l.reader.next]).toEqual([30, '']);
  await l.reader.choose('all');
  expect(l.shown).toBe(1_030);

  const far = await lab(20_000);
  await far.reader.choose('missed');
  expect([far.shown, far.asked.length]).toEqual([0, answers]);
  expect(far.reader.back).not.toBe('');
  await far.reader.older();
  expect([far.shown, far.asked.length]).toEqual([0, 2 * answers]);
});

test('what could not be read says so, stays as of when it was, and is tried again', async () => {
  const l = await lab(3);
  const asOf = l.reader.asOf;
  l.away = true;
  await l.reader.reload();
  expect([l.reader.problem?.code, l.reader.asOf, l.shown]).toEqual(['offline', asOf, 3]);
  l.away = false;
  await l.pass(again);
  expect([l.reader.problem, l.reader.asOf]).toEqual([undefined, l.time]);
  l.asked = [];
  l.reader.stop();
  await l.pass(10 * nowAndThen);
  expect(l.asked).toEqual([]);
});

test('nothing is asked for while there is no history to be read', async () => {
  const l = new Lab();
  l.happen(50);
  l.lies = false;
  l.reader.wake();
  await l.reader.older();
  await l.reader.choose('mine');
  await l.pass(nowAndThen);
  expect([l.asked, l.reader.problem, l.reader.loading]).toEqual([[], undefined, false]);
  l.lies = true;
  await l.reader.choose('all');
  l.reader.wake();
  await l.pass(soon);
  expect([l.shown, l.newest]).toEqual([50, '50']);

  l.lies = false;
  l.happen(1);
  l.reader.hear();
  l.asked = [];
  await l.reader.reload();
  await l.pass(nowAndThen);
  expect([l.asked, l.shown]).toEqual([[], 50]);
  l.lies = true;
  l.reader.wake();
  await l.pass(soon);
  expect(l.newest).toBe('51');
});
