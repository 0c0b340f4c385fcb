// The one dialog that is open, if one is.
import type { Group, Person } from '../api/types';

export type Question = { kind: 'force_out'; group: Group; person: string } | { kind: 'forward'; person: Person };

class Dialogs {
  question = $state.raw<Question>();
  /** What opened it, and has the focus again when it is closed: of a menu its button, for the menu is gone by then. */
  opener: HTMLElement | undefined;

  ask(question: Question): void {
    const at = document.activeElement;
    const menu = at?.closest('[role=menu]');
    this.opener = (menu ? document.querySelector(`[aria-controls="${menu.id}"]`) : at) as HTMLElement | undefined;
    this.question = question;
  }

  close(): void {
    this.question = undefined;
  }
}

export const dialogs = new Dialogs();
