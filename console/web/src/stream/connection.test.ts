import { expect, test } from 'vitest';
import { Connection, doubt, silence, type Listener, type Standing, type World } from './connection';

/** A daemon, and a clock that goes only when it is told to. */
class Lab implements World, Listener {
  time = Date.parse('2026-03-01T12:00:00.000Z');
  /** How wrong the clock here is. */
  ahead = 0;
  requests: Headers[] = [];
  streams: ReadableStreamDefaultController<Uint8Array>[] = [];
  signals: AbortSignal[] = [];
  answer: () => Response = () => this.stream();
  seen: string[] = [];
  standings: Standing[] = [];
  private timers: { at: number; f: () => void }[] = [];
  connection = new Connection(this, this);

  fetch(_: string, init: RequestInit): Promise<Response> {
    this.requests.push(new Headers(init.headers));
    this.signals.push(init.signal!);
    return Promise.resolve(this.answer());
  }
  stream(): Response {
    const body = new ReadableStream<Uint8Array>({ start: (c) => void this.streams.push(c) });
    return new Response(body, { headers: { Date: new Date(this.time).toUTCString() } });
  }
  now(): number {
    return this.time + this.ahead;
  }
  after(ms: number, f: () => void): () => void {
    const timer = { at: this.time + ms, f };
    this.timers.push(timer);
    return () => void (this.timers = this.timers.filter((t) => t !== timer));
  }
  stumbles = '';
  chanced = 0;
  chance(): number {
    return this.chanced;
  }
  event(name: string): void {
    if (name === this.stumbles) throw new Error(`stumbled over ${name}`);
    this.seen.push(name);
  }
  standing(standing: Standing): void {
    this.standings.push(standing);
  }
  /** What is said of who is signed in, and how often that was asked. */
  signed: Promise<boolean> = Promise.resolve(false);
  asked = 0;
  signedIn(): Promise<boolean> {
    this.asked++;
    return this.signed;
  }

  async pass(ms: number): Promise<void> {
    this.time += ms;
    const due = this.timers.filter((t) => t.at <= this.time);
    this.timers = this.timers.filter((t) => t.at > this.time);
    for (const t of due) t.f();
    this.connection.tick();
    await this.rest();
  }
  async rest(): Promise<void> {
    for (let i = 0; i < 20; i++) await Promise.resolve();
    await new Promise((r) => setTimeout(r, 0));
  }
  async send(name: string, id: string): Promise<void> {
    const site = { alive_until: new Date(this.time + 15_000).toISOString() };
    const data = name === 'view' ? { site } : site;
    this.streams.at(-1)!.enqueue(new TextEncoder().encode(`id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`));
    await this.rest();
  }
  /** A comment, which is what a stream has between events. */
  async comment(text: string): Promise<void> {
    this.streams.at(-1)!.enqueue(new TextEncoder().encode(`:${text}\n\n`));
    await this.rest();
  }
  async live(): Promise<this> {
    this.connection.start();
    await this.rest();
    await this.send('view', '7:1');
    return this;
  }
}

test('is live with the first view, and not before', async () => {
  const lab = new Lab();
  lab.connection.start();
  await lab.rest();
  expect(lab.connection.standing).toBe('connecting');
  await lab.send('view', '7:1');
  expect(lab.standings).toEqual(['live']);
});

test('a cut line is told at once and resumed with the last id', async () => {
  const lab = await new Lab().live();
  await lab.send('site', '7:2');
  lab.streams.at(-1)!.error(new Error('cut'));
  await lab.rest();
  expect(lab.standings).toEqual(['live', 'reconnecting']);
  await lab.pass(500);
  expect(lab.requests[1]!.get('Last-Event-ID')).toBe('7:2');
  await lab.comment(' now'); // nothing was missed
  expect(lab.standings).toEqual(['live', 'reconnecting', 'live']);
});

test('what was missed is taken in before anything counts, however long it takes to come', async () => {
  const lab = await new Lab().live();
  lab.streams.at(-1)!.error(new Error('cut'));
  await lab.rest();
  await lab.pass(500);
  await lab.send('call', '7:2');
  await lab.comment('');
  await lab.pass(1_000);
  await lab.send('call_gone', '7:3');
  expect(lab.seen).toEqual(['view', 'call', 'call_gone']);
  expect(lab.standings).toEqual(['live', 'reconnecting']);
  await lab.comment(' now');
  expect(lab.standings).toEqual(['live', 'reconnecting', 'live']);
  expect(lab.requests.length).toBe(2);
});

test('a server whose clock is set back is believed', async () => {
  const lab = await new Lab().live();
  for (const jump of [-3_600_000, 3_600_000]) {
    lab.ahead -= jump;
    lab.time += jump;
    await lab.send('site', '7:2');
    expect(lab.connection.standing).toBe('live');
    expect(Math.abs(lab.connection.serverNow() - lab.time)).toBeLessThan(1000);
  }
});

test('after an event that it stumbled over it asks for the whole', async () => {
  const lab = await new Lab().live();
  lab.stumbles = 'call';
  await lab.send('call', '7:2');
  expect(lab.standings).toEqual(['live', 'reconnecting']);
  await lab.pass(500);
  expect(lab.requests[1]!.get('Last-Event-ID')).toBeNull();
  await lab.send('view', '7:3');
  expect(lab.seen).toEqual(['view', 'view']);
  expect(lab.connection.standing).toBe('live');
});

test('not all pages come back at the same moment', async () => {
  const lab = await new Lab().live();
  lab.chanced = 1;
  lab.streams.at(-1)!.close();
  await lab.rest();
  await lab.pass(749);
  expect(lab.requests.length).toBe(1);
  await lab.pass(1);
  expect(lab.requests.length).toBe(2);
});

test('after alive_until nothing is known, although the line is there', async () => {
  const lab = await new Lab().live();
  for (let i = 0; i < 2; i++) {
    await lab.pass(8_000);
    lab.streams.at(-1)!.enqueue(new TextEncoder().encode(':\n\n'));
    await lab.rest();
  }
  expect(lab.requests.length).toBe(1);
  expect(lab.connection.standing).toBe('unknown');
  await lab.send('site', '7:2');
  expect(lab.connection.standing).toBe('live');
});

test('a line that is silent for too long is in doubt before it is lost, and holds again when something comes', async () => {
  const lab = await new Lab().live();
  await lab.pass(doubt);
  expect(lab.standings).toEqual(['live']);
  await lab.pass(1);
  expect(lab.standings).toEqual(['live', 'reconnecting']);
  expect(lab.requests.length).toBe(1);
  await lab.send('site', '7:2');
  expect(lab.standings).toEqual(['live', 'reconnecting', 'live']);
  expect(lab.requests.length).toBe(1);
});

test('a silent line is a lost one', async () => {
  const lab = await new Lab().live();
  await lab.pass(silence + 1);
  expect(lab.signals[0]!.aborted).toBe(true);
  expect(lab.requests.length).toBe(2);
  expect(lab.connection.standing).toBe('reconnecting');
});

test.each([3_600_000, -3_600_000])('a clock that jumps by %i ms while events come takes nothing from what is known', async (jump) => {
  const lab = await new Lab().live();
  lab.ahead = jump;
  await lab.send('call', '7:2');
  expect(lab.seen).toEqual(['view']);
  expect(lab.requests[1]!.get('Last-Event-ID')).toBe('7:1');
  await lab.send('call', '7:2');
  await lab.comment(' now');
  expect(lab.connection.standing).toBe('live');
  expect(Math.abs(lab.connection.serverNow() - lab.time)).toBeLessThan(1000);
});

test('a frozen tab reads nothing, and a thawed one reconnects at once', async () => {
  const lab = await new Lab().live();
  lab.connection.sleeps();
  expect(lab.connection.standing).toBe('reconnecting');
  lab.time += 600_000;
  lab.connection.awoke(true);
  await lab.rest();
  expect(lab.requests.length).toBe(2);
  expect(lab.connection.standing).toBe('unknown');
  await lab.send('view', '7:90');
  expect(lab.connection.standing).toBe('live');
});

test('who looks at the page again sees nothing that is in doubt', async () => {
  const lab = await new Lab().live();
  lab.connection.awoke(false);
  expect(lab.requests.length).toBe(1);
  lab.time += doubt + 1;
  lab.connection.awoke(false);
  await lab.rest();
  expect(lab.requests.length).toBe(2);
  expect(lab.connection.standing).toBe('reconnecting');
});

test('the end of the session ends it', async () => {
  const lab = await new Lab().live();
  lab.answer = () => new Response('{}', { status: 401 });
  lab.streams.at(-1)!.close();
  await lab.rest();
  await lab.pass(500);
  expect(lab.connection.standing).toBe('signed_out');
  await lab.pass(60_000);
  expect(lab.requests.length).toBe(2);
  expect(lab.asked).toBe(1);
});

test('a session that has been followed by another goes on', async () => {
  const lab = await new Lab().live();
  lab.answer = () => new Response('{}', { status: 401 });
  lab.signed = Promise.resolve(true);
  lab.streams.at(-1)!.close();
  await lab.rest();
  await lab.pass(500);
  expect(lab.connection.standing).toBe('reconnecting');
  lab.answer = () => lab.stream();
  await lab.pass(999); // it does not ask without a pause
  expect(lab.requests.length).toBe(2);
  await lab.pass(1);
  await lab.send('view', '7:2');
  expect(lab.connection.standing).toBe('live');
});

test('who is asked and does not answer ends nothing, and holds nothing up', async () => {
  const lab = await new Lab().live();
  lab.answer = () => new Response('{}', { status: 401 });
  let answers!: (signedIn: boolean) => void;
  lab.signed = new Promise((resolve) => (answers = resolve));
  lab.streams.at(-1)!.close();
  await lab.rest();
  await lab.pass(500);
  lab.answer = () => lab.stream();
  await lab.pass(silence + 1);
  await lab.send('view', '7:2');
  answers(false); // too late: it is of a session of before
  await lab.rest();
  expect(lab.connection.standing).toBe('live');
});

test('who is told to wait waits', async () => {
  const lab = await new Lab().live();
  lab.answer = () => new Response('{}', { status: 503, headers: { 'Retry-After': '3' } });
  lab.streams.at(-1)!.close();
  await lab.rest();
  await lab.pass(500);
  await lab.pass(2_999);
  expect(lab.requests.length).toBe(2);
  lab.answer = () => lab.stream();
  await lab.pass(1);
  expect(lab.requests.length).toBe(3);
});

test('a computer whose clock is wrong counts the seconds of the server', async () => {
  const lab = new Lab();
  const wrong = 3_600_000;
  const now = lab.now.bind(lab);
  lab.now = () => now() + wrong;
  await lab.live();
  expect(Math.abs(lab.connection.serverNow() - now())).toBeLessThan(1);
  expect(lab.connection.standing).toBe('live');
});
