// Reads the history, and follows it: what the stream tells of is read soon, all else now and then. What is new waits while somebody
// reads further down; nothing moves under them. No page and no words, so that a test can have the time go.
import type { Answer, Refusal } from '../api/client';
import type { History, HistoryEvent } from '../api/types';
import { belongs, joined, type HistoryFilter } from './past';

export interface World {
  read(limit: number, before: string): Promise<Answer<History>>;
  /** The server's time, in ms. */
  now(): number;
  /** The time here, in ms: how much of it has passed. */
  clock(): number;
  after(ms: number, f: () => void): () => void;
  /** Whether anybody can see the page. */
  looks(): boolean;
  /** Whether there is a history to be read now. */
  there(): boolean;
  /** Whether somebody reads where something would move. */
  reads(): boolean;
}

/** In ms. What is told is in the history a moment later; if it was not, it is looked for once more. */
export const soon = 400;
export const onceMore = 3_000;
/** Readings are at least so far apart, whatever is told. */
export const apart = 3_000;
/** A page that comes and goes is not read for more often than this. */
export const flicker = 1_000;
/** What the stream does not tell is found within this time. */
export const nowAndThen = 60_000;
/** After this time it is tried again, if the server does not say otherwise. */
export const again = 10_000;

/** How many events are asked for: when following, when reading back, and when most of them will not be shown. */
const few = 20;
const many = 100;
const most = 500;
/** So many lines are a screenful; so many answers are asked for at most until there is one. */
export const screenful = 20;
export const answers = 10;
/** So many lines may wait. Then nothing more is read until they are looked at. */
export const waitMost = 500;
/** So many events are kept. Beyond, what was read further back is let go when nobody reads it, and can be read again. */
export const keepMost = 5_000;

export class Reader {
  filter = $state<HistoryFilter>('all');
  /** What is asked for by a person is said to be under way; what is read by itself is not. */
  loading = $state(false);
  problem = $state.raw<Refusal>();
  /** When the newest were read, in the server's time. */
  asOf = $state(0);
  /** Before which there is or may be more. */
  next = $state('');
  private shown = $state.raw<HistoryEvent[]>([]);
  private latest = $state.raw<HistoryEvent[]>([]);

  /** What the filter lets through of what is shown. */
  readonly lines = $derived(this.shown.filter((e) => belongs(this.filter, e, this.me)));
  /** How many lines wait to be shown. */
  readonly newer = $derived(this.count());

  /** When the oldest happened that was read. */
  readonly back = $derived(this.latest.at(-1)?.time ?? '');

  private turn: Promise<unknown> = Promise.resolve();
  private readAt = -Infinity;
  private cancel: (() => void) | undefined;
  private dueAt = Infinity;
  private told = false;
  private stopped = false;

  constructor(
    private readonly world: World,
    private readonly me: string,
  ) {}

  stop(): void {
    this.stopped = true;
    this.cancel?.();
  }

  /** The stream has told of something that the history has too. */
  hear(): void {
    this.told = true;
    this.due(Math.max(soon, this.readAt + apart - this.world.clock()));
  }

  /** The page is looked at again, or the history can be read again. */
  wake(): void {
    if (this.asOf === 0) {
      if (!this.loading) void this.reload();
      return;
    }
    this.due(Math.max(0, this.readAt + flicker - this.world.clock()));
  }

  /** Shows what waits. */
  show(): void {
    this.shown = this.latest;
    if (this.dueAt === Infinity) this.wake();
  }

  /** From the newest on; a person asks for it, or opens the page. */
  async reload(): Promise<void> {
    await this.asked(async () => {
      if (await this.newest()) this.show();
      await this.fill(screenful);
    });
  }

  /** Another filter: it goes back until there is a screenful. */
  async choose(filter: HistoryFilter): Promise<void> {
    this.filter = filter;
    this.show();
    await this.asked(() => this.fill(screenful));
  }

  async older(): Promise<void> {
    await this.asked(() => this.fill(this.lines.length + 1));
  }

  private async asked(work: () => Promise<unknown>): Promise<void> {
    this.loading = true;
    await this.inTurn(work);
    this.loading = false;
  }

  /** One reading at a time: each goes on from what the one before has left. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(work);
    this.turn = mine;
    return mine;
  }

  private count(): number {
    if (this.shown === this.latest) return 0;
    const ids = new Set(this.shown.map((e) => e.id));
    return this.latest.filter((e) => !ids.has(e.id) && belongs(this.filter, e, this.me)).length;
  }

  private due(ms: number): void {
    const at = this.world.clock() + ms;
    if (this.stopped || at >= this.dueAt) return;
    this.cancel?.();
    this.dueAt = at;
    this.cancel = this.world.after(ms, () => void this.follow());
  }

  private async follow(): Promise<void> {
    this.dueAt = Infinity;
    // Whoever looks again, or finds the server again, wakes it.
    if (this.stopped || !this.world.looks() || !this.world.there() || this.newer >= waitMost) return;
    const told = this.told;
    this.told = false;
    const before = this.latest[0]?.id;
    if (await this.inTurn(() => this.newest())) {
      if (!this.world.reads() || this.newer === 0) this.show();
      if (told && this.latest[0]?.id === before) this.due(onceMore);
    }
  }

  /** Reads from the newest back to what is known. What cannot be joined within the bound takes the place of all. */
  private async newest(): Promise<boolean> {
    const known = this.latest.length > keepMost && !this.world.reads() ? [] : this.latest;
    const asOf = this.world.now();
    let read: HistoryEvent[] = [];
    let next = '';
    for (let i = 0; i < answers; i++) {
      const answer = await this.ask(known.length > 0 && i === 0 ? few : many, next);
      if (!answer) return false;
      read = [...read, ...answer.events];
      next = answer.next;
      const all = joined(read, next, known);
      if (all) {
        if (!next) this.next = '';
        this.latest = all;
        this.asOf = asOf;
        return true;
      }
      if (known.length === 0) break;
    }
    this.latest = read;
    this.next = next;
    this.asOf = asOf;
    return true;
  }

  /** Reads back until there are so many lines, or the beginning, or enough for once. */
  private async fill(lines: number): Promise<void> {
    const filter = this.filter;
    for (let i = 0; i < answers && this.next && this.lines.length < lines && this.filter === filter; i++) {
      const answer = await this.ask(filter === 'all' ? many : most, this.next);
      if (!answer) return;
      const whole = this.shown.at(-1) === this.latest.at(-1);
      this.next = answer.next;
      this.latest = [...this.latest, ...answer.events];
      this.shown = whole ? [...this.shown, ...answer.events] : this.latest;
    }
  }

  private async ask(limit: number, before: string): Promise<History | undefined> {
    if (!this.world.there()) return undefined; // whoever finds it again wakes it
    const answer = await this.world.read(limit, before);
    if (this.stopped) return undefined;
    this.readAt = this.world.clock();
    this.problem = answer.ok ? undefined : answer.problem;
    this.due(answer.ok ? nowAndThen : Math.max(again, answer.problem.retryAfter * 1000));
    return answer.ok ? answer.data : undefined;
  }
}
