// Of several pages of one browser only one sounds: the one whose turn it is.

/** What of the browser's locks is used. The lock of a page that is closed or crashes is the browser's to give on. */
export interface Locks {
  request(name: string, options: { signal: AbortSignal }, held: () => Promise<void>): Promise<unknown>;
}

/**
 * Turn is asked for while a page would sound, and given back when it would not: when nothing rings any more, but also when it has
 * lost the connection, is muted, is kept silent by the browser, or goes to sleep. So another page that can takes over at once, and
 * one that cannot never keeps it.
 */
export class Turn {
  private ends: (() => void) | undefined;

  constructor(
    /** None where the address is not a secure one: then each page sounds by itself. */
    private readonly locks: Locks | undefined,
    private readonly mine: (mine: boolean) => void,
  ) {}

  want(wanted: boolean): void {
    if (wanted === (this.ends !== undefined)) return;
    if (!wanted) {
      this.ends?.();
      this.ends = undefined;
      return;
    }
    const given = new AbortController();
    let release = () => {};
    const over = new Promise<void>((resolve) => (release = resolve));
    this.ends = () => {
      given.abort();
      release();
      this.mine(false);
    };
    if (!this.locks) return this.mine(true);
    void this.locks
      .request('supervision-sound', { signal: given.signal }, () => {
        if (!given.signal.aborted) this.mine(true);
        return over;
      })
      .catch(() => undefined); // Given up before it came.
  }
}
