// Short messages about what was done, or why not.
export interface Toast { id: number; text: string; kind: 'done' | 'refused' | 'told' }

/** How long one stays: long enough to read a refusal, and it can be closed. */
const stay = { done: 5_000, refused: 12_000, told: 20_000 };
/** How often it is looked whether somebody is still at one whose time is over. Whether they have left is not always told: what had
 * the focus, or lay under the pointer, may be gone. */
const again = 500;
const most = 5;

export class Toasts {
  list = $state.raw<Toast[]>([]);
  private next = 0;

  /** Whether somebody points at the messages or stands among them with the keyboard; and at which. */
  at: () => { held: boolean; on: number | undefined } = () => ({ held: false, on: undefined });

  say(kind: Toast['kind'], text: string): void {
    const toast = { id: this.next++, text, kind };
    const list = [...this.list, toast];
    // The oldest makes room, but never the one that somebody is at.
    if (list.length > most) list.splice(list[0]!.id === this.at().on ? 1 : 0, 1);
    this.list = list;
    setTimeout(() => this.end(toast.id), stay[kind]);
  }

  /** Its time is over. It stays as long as somebody is at the messages: nothing moves there under a pointer. */
  private end(id: number): void {
    if (!this.list.some((t) => t.id === id)) return;
    if (this.at().held) setTimeout(() => this.end(id), again);
    else this.close(id);
  }

  clear(): void {
    this.list = [];
  }

  close(id: number): void {
    this.list = this.list.filter((t) => t.id !== id);
  }
}

export const toasts = new Toasts();
