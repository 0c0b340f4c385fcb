// What is read to who cannot see the page. Where much happens, no more is said than can be listened to: the first of it, and how much more.

/** In ms: between two sayings, and until what was said is no longer there to be found. */
export const breath = 1_000;
export const fades = 6_000;
/** So much is said at once. Of the rest only how much it is. */
export const atOnce = 3;

export interface Voice {
  after(ms: number, f: () => void): () => void;
  /** Puts a text into a region that was there before, or empties it. */
  show(text: string): void;
  more(count: number): string;
}

export class Announcer {
  private waiting = new Map<string, string>();
  private cancel: (() => void) | undefined;
  private resting = false;

  constructor(private readonly voice: Voice) {}

  /** Of what concerns one thing only the latest is said. */
  say(about: string, text: string): void {
    this.waiting.delete(about);
    this.waiting.set(about, text);
    if (!this.resting) this.tell();
  }

  /** That is not so any more; if it was not said yet, it never is. */
  drop(about: string): void {
    this.waiting.delete(about);
  }

  /** Nothing of it is so any more. */
  clear(): void {
    this.waiting.clear();
    this.voice.show('');
  }

  stop(): void {
    this.cancel?.();
  }

  private tell(): void {
    const texts = [...this.waiting.values()];
    this.waiting.clear();
    const more = texts.length - atOnce;
    this.voice.show([...texts.slice(0, atOnce), ...(more > 0 ? [this.voice.more(more)] : [])].join('. '));
    this.resting = true;
    this.then(breath, () => {
      this.resting = false;
      if (this.waiting.size > 0) this.tell();
      else this.then(fades - breath, () => this.voice.show(''));
    });
  }

  private then(ms: number, f: () => void): void {
    this.cancel?.();
    this.cancel = this.voice.after(ms, f);
  }
}

/** What of that which is so now has been said: all of it while somebody speaks, otherwise what was said before. */
export function toldOf(before: Set<string>, now: Set<string>, speaks: boolean): Set<string> {
  return speaks ? now : new Set([...now].filter((about) => before.has(about)));
}
