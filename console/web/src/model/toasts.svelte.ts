// Short messages about what was done, or why not.
export interface Toast { id: number; text: string; kind: 'done' | 'refused' | 'told' }

/** How long one stays: long enough to read a refusal, and it can be closed. */
const stay = { done: 5_000, refused: 12_000, told: 20_000 };
const most = 5;

class Toasts {
  list = $state.raw<Toast[]>([]);
  private next = 0;
  private held = false;
  /** Those whose time is over while somebody points at them. */
  private late = new Set<number>();

  say(kind: Toast['kind'], text: string): void {
    const toast = { id: this.next++, text, kind };
    this.list = [...this.list, toast].slice(-most);
    setTimeout(() => (this.held ? this.late.add(toast.id) : this.close(toast.id)), stay[kind]);
  }

  /** Somebody points at them, or stands on one with the keyboard: they stay. */
  hold(): void {
    this.held = true;
  }

  release(): void {
    this.held = false;
    for (const id of this.late) this.close(id);
    this.late.clear();
  }

  clear(): void {
    this.list = [];
  }

  close(id: number): void {
    this.list = this.list.filter((t) => t.id !== id);
  }
}

export const toasts = new Toasts();
