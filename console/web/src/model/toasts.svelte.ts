// Short messages about what was done, or why not.
export interface Toast {
  id: number;
  text: string;
  kind: 'done' | 'refused' | 'told';
  /** When it was said, in ms. */
  said: number;
  /** Nobody could see it for so long that this has to be known. */
  late: boolean;
}

/** How long one stays while the page can be seen: long enough to read a refusal, and it can be closed. */
const stay = { done: 5_000, refused: 12_000, told: 20_000 };
/** How often it is looked whether somebody is still at one whose time is over. Whether they have left is not always told: what had
 * the focus, or lay under the pointer, may be gone. */
const again = 500;
const most = 5;
/** Who sees one for the first time after this is told when it was said. */
const old = 60_000;

export class Toasts {
  list = $state.raw<Toast[]>([]);
  private next = 0;
  /** What ends the time of each. */
  private timers = new Map<number, ReturnType<typeof setTimeout>>();
  private hidden = false;

  /** Whether somebody points at the messages or stands among them with the keyboard; and at which. */
  at: () => { held: boolean; on: number | undefined } = () => ({ held: false, on: undefined });

  say(kind: Toast['kind'], text: string): void {
    const toast = { id: this.next++, text, kind, said: Date.now(), late: false };
    const list = [...this.list, toast];
    // The oldest makes room, but never the one that somebody is at.
    if (list.length > most) for (const gone of list.splice(list[0]!.id === this.at().on ? 1 : 0, 1)) this.stop(gone.id);
    this.list = list;
    if (!this.hidden) this.begin(toast);
  }

  /** Nobody sees the page: what is there then, or comes, has all its time when it can be seen again. */
  set unseen(hidden: boolean) {
    if (hidden === this.hidden) return;
    this.hidden = hidden;
    if (hidden) {
      for (const { id } of this.list) this.stop(id);
      return;
    }
    this.list = this.list.map((toast) => ({ ...toast, late: Date.now() - toast.said > old }));
    for (const toast of this.list) this.begin(toast);
  }

  private begin(toast: Toast): void {
    this.endIn(toast.id, stay[toast.kind]);
  }

  private endIn(id: number, ms: number): void {
    this.timers.set(id, setTimeout(() => this.end(id), ms));
  }

  /** Its time is over. It stays as long as somebody is at the messages: nothing moves there under a pointer. */
  private end(id: number): void {
    if (this.at().held) this.endIn(id, again);
    else this.close(id);
  }

  clear(): void {
    for (const { id } of this.list) this.close(id);
  }

  private stop(id: number): void {
    clearTimeout(this.timers.get(id));
    this.timers.delete(id);
  }

  close(id: number): void {
    this.stop(id);
    this.list = this.list.filter((t) => t.id !== id);
  }
}

export const toasts = new Toasts();
