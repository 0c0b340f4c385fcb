// The server's clock, as far as it can be told from here. Ages are counted by it, so that a computer whose clock is wrong
// shows the same seconds as all others.

/** How far ahead of its writing `alive_until` is (docs/nats.md, site). */
const ahead = 15_000;
/** In ms. By more than this nothing that is told is late. */
const latest = 12_000;
/** About a minute of the site's documents. */
const kept = 12;

/**
 * Every time that the server tells is at most as late as it is there when we read it. So each gives a bound from below for
 * the difference between the clocks, and the greatest of the last minute is the best that is known.
 */
export class ServerClock {
  private bounds: number[] = [];

  /** A time of the server's, read at the local time `now`. */
  told(server: number, now: number): void {
    if (!Number.isFinite(server)) return;
    const bound = server - now;
    // No line is so late without being given up: the server's clock was set back, and what was known of it counts no more.
    if (this.bounds.some((b) => b - bound > latest)) this.forget();
    this.bounds.push(bound);
    if (this.bounds.length > kept) this.bounds.shift();
  }

  toldAliveUntil(aliveUntil: string, now: number): void {
    this.told(Date.parse(aliveUntil) - ahead, now);
  }

  /** After a sleep or a changed clock what was known of the difference counts no more. */
  forget(): void {
    this.bounds = [];
  }

  at(now: number): number {
    return this.bounds.length === 0 ? now : now + Math.max(...this.bounds);
  }
}
