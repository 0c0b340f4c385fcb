// What a form for forwards shows while somebody chooses the kind.
import type { Forward, SettableKind } from '../api/types';

/** What is filled in: a number, and after how many seconds. */
export interface Filled { target: string; seconds: number | null }

/** What there is of a kind now. */
export function filledOf(forwards: Forward[], kind: SettableKind): Filled {
  const forward = forwards.find((f) => f.kind === kind);
  return { target: forward?.target ?? '', seconds: forward?.after_seconds || null };
}

/** What is shown when another kind is chosen: what that has. What somebody has typed stays: it is no kind's. */
export function turned(forwards: Forward[], from: SettableKind, to: SettableKind, filled: Filled): Filled {
  return filled.target === filledOf(forwards, from).target ? filledOf(forwards, to) : filled;
}
