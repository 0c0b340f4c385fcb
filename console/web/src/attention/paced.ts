// Tells states no faster than somebody can follow. It knows no page: what is told is the caller's.

/** The first is told at once, then at most one in so many ms, and the last one always; at once also what is urgent. */
export class Paced<T> {
  private told: T | undefined;
  private last: { state: T } | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly tell: (state: T) => void,
    private readonly every: number,
    private readonly urgent: (told: T | undefined, state: T) => boolean,
  ) {}

  put(state: T): void {
    this.last = { state };
    if (this.timer === undefined || this.urgent(this.told, state)) this.flush();
  }

  /** What waits is told now. */
  flush(): void {
    if (!this.last) return;
    clearTimeout(this.timer);
    const { state } = this.last;
    this.last = undefined;
    this.told = state;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.flush();
    }, this.every);
    this.tell(state);
  }

  /** What waits is never told, and what comes next is the first. */
  forget(): void {
    clearTimeout(this.timer);
    this.timer = this.told = this.last = undefined;
  }
}
