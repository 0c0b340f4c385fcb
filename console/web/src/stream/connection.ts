// The connection to the event stream: opens it, resumes it, and says honestly how it stands.
//
// It reads by fetch and not by EventSource, which hides the status of the answer (401: sign in), its Date and Retry-After,
// and forgets the last id whenever it is opened anew, as it must be in a thawed tab.
import { createParser } from 'eventsource-parser';
import { ServerClock } from './clock';

/**
 * connecting: nothing has been read yet. live: what is shown holds. reconnecting: it was so a moment ago. unknown: nobody
 * knows any more, or nobody looks after it. signed_out: this session is over.
 */
export type Standing = 'connecting' | 'live' | 'reconnecting' | 'unknown' | 'signed_out';

/** What of the browser a connection uses. */
export interface World {
  fetch(url: string, init: RequestInit): Promise<Response>;
  now(): number;
  after(ms: number, f: () => void): () => void;
  /** From 0 to 1. */
  chance(): number;
}

export interface Listener {
  event(name: string, data: unknown): void;
  standing(standing: Standing): void;
  /** The stream is refused. Somebody may have signed in again since it was asked for: no is said only by who has been told so. */
  signedIn(): Promise<boolean>;
}

/** The site comes every 5 s, and it is 15 s ahead. Who hears nothing for longer than two of them has lost the line. */
export const silence = 12_000;
/** After one that did not come nothing is vouched for: the line may be gone without a word. It is not dropped yet. */
export const doubt = 6_500;
/** The comment that follows what was missed, also where nothing was. Before it the page is on its way, and shows what may be over. */
const caughtUp = 'now';
const retryMin = 500;
const retryMax = 10_000;
/** By so much of it each waits longer than the others: all pages lose their lines at once, and not all are to come back at once. */
const apart = 0.5;

export class Connection {
  readonly clock = new ServerClock();
  private lastID = '';
  private aliveUntil = 0;
  private heardAt = 0;
  private settled = false;
  private began = false;
  private failures = 0;
  private stopping: AbortController | undefined;
  private cancelRetry: (() => void) | undefined;
  private told: Standing = 'connecting';
  private over = false;

  constructor(
    private readonly world: World,
    private readonly listener: Listener,
  ) {}

  start(): void {
    void this.follow();
  }

  /** Ends it for good. */
  stop(): void {
    this.over = true;
    this.drop();
  }

  get standing(): Standing {
    return this.told;
  }

  /** The time at the server. */
  serverNow(): number {
    return this.clock.at(this.world.now());
  }

  /** To be called every second. In a tab that slept it comes late, and finds the silence. */
  tick(): void {
    if (this.over) return;
    if (this.stopping && this.slept()) this.reconnect();
    this.tell();
  }

  /** The page is looked at again, or the network is back. `frozen`: it certainly slept. */
  awoke(frozen: boolean): void {
    if (this.over || this.told === 'signed_out') return;
    if (frozen || !this.stopping || !this.settled || this.quietFor() > doubt) this.reconnect();
    this.tell();
  }

  /** The page goes to sleep: what comes meanwhile is not read. */
  sleeps(): void {
    if (this.over || this.told === 'signed_out') return;
    this.drop();
    this.tell();
  }

  private reconnect(): void {
    this.drop();
    this.clock.forget();
    void this.follow();
  }

  private drop(): void {
    this.cancelRetry?.();
    this.cancelRetry = undefined;
    this.stopping?.abort();
    this.stopping = undefined;
    this.settled = false;
  }

  /** Nothing was heard for too long, or the clock was set. */
  private slept(): boolean {
    return this.quietFor() > silence || this.quietFor() < 0;
  }

  /** For how long nothing has been heard, in ms. */
  quietFor(): number {
    return this.world.now() - this.heardAt;
  }

  private async follow(): Promise<void> {
    const stopping = new AbortController();
    this.stopping = stopping;
    this.heardAt = this.world.now();
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (this.lastID) headers['Last-Event-ID'] = this.lastID;
    let retryAfter = 0;
    try {
      const response = await this.world.fetch('/api/v1/stream', {
        headers, signal: stopping.signal, cache: 'no-store', credentials: 'same-origin',
      });
      if (stopping.signal.aborted) return;
      if (response.status === 401) {
        const signedIn = await this.listener.signedIn();
        if (stopping.signal.aborted) return;
        if (!signedIn) return this.signedOut();
      }
      retryAfter = (Number(response.headers.get('Retry-After')) || 0) * 1000;
      if (response.ok && response.body) await this.read(response, stopping.signal);
    } catch {
      // The line is cut, or the daemon away: it is tried again below.
    }
    if (stopping.signal.aborted) return;
    this.drop();
    this.failures++;
    const wait = Math.max(retryAfter, Math.min(retryMax, retryMin * 2 ** (this.failures - 1))) * (1 + apart * this.world.chance());
    this.cancelRetry = this.world.after(wait, () => void this.follow());
    this.tell();
  }

  private async read(response: Response, signal: AbortSignal): Promise<void> {
    this.clock.told(Date.parse(response.headers.get('Date') ?? ''), this.world.now());
    const parser = createParser({
      onEvent: (e) => this.received(e.event ?? 'message', e.data, e.id),
      onComment: (text) => text.trim() === caughtUp && this.settle(),
    });
    const reader = response.body!.getReader();
    const text = new TextDecoder();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done || signal.aborted) return;
        // What comes after a sleep may be old, and by a clock that has jumped nothing is known of the server's.
        if (this.slept()) return this.reconnect();
        this.heardAt = this.world.now();
        parser.feed(text.decode(value, { stream: true }));
        this.tell();
      }
    } finally {
      void reader.cancel().catch(() => undefined);
    }
  }

  private settle(): void {
    this.settled = true;
    this.failures = 0;
  }

  private received(name: string, raw: string, id: string | undefined): void {
    const data: unknown = JSON.parse(raw);
    const site = name === 'site' ? data : name === 'view' ? (data as { site: unknown }).site : undefined;
    if (site) {
      const until = (site as { alive_until: string }).alive_until;
      this.aliveUntil = Date.parse(until);
      this.clock.toldAliveUntil(until, this.world.now());
    }
    const before = this.lastID;
    this.lastID = ''; // An event that cannot be taken in would be lost for good: after it a whole view is asked for.
    this.listener.event(name, data);
    this.lastID = id || before;
    this.began = true;
    if (name === 'view') this.settle();
  }

  private signedOut(): void {
    this.over = true;
    this.drop();
    this.told = 'signed_out';
    this.listener.standing('signed_out');
  }

  private tell(): void {
    const now = this.judge();
    if (now === this.told) return;
    this.told = now;
    this.listener.standing(now);
  }

  private judge(): Standing {
    if (this.told === 'signed_out') return 'signed_out';
    if (!this.began) return 'connecting';
    if (this.serverNow() > this.aliveUntil) return 'unknown';
    return this.settled && this.quietFor() <= doubt ? 'live' : 'reconnecting';
  }
}
