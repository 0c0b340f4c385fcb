// The one dialog that is open, if one is.
import type { Group, Person } from '../api/types';

export type Question = { kind: 'force_out'; group: Group; person: string } | { kind: 'forward'; person: Person };

class Dialogs {
  question = $state.raw<Question>();

  ask(question: Question): void {
    this.question = question;
  }

  close(): void {
    this.question = undefined;
  }
}

export const dialogs = new Dialogs();
