// The history without its words: what of it is shown to whom, and how what is read anew joins what was read before.
import type { Call, CallState, Group, HistoryEvent, Member, Membership, Notice, Person, Supervisor } from '../api/types';
import type { Tables } from '../stream/tables';

/** missed: calls of mine that nobody took. others: calls that were not for me. mine: what concerns me. */
export type HistoryFilter = 'all' | 'missed' | 'others' | 'mine';
export const historyFilters: HistoryFilter[] = ['all', 'missed', 'others', 'mine'];

/** How a call ends that nobody took. One that ended unseen (lost) may have been answered. */
const untaken: CallState[] = ['abandoned', 'no_answer', 'diverted', 'declined'];

const ofCalls = ['call.answered', 'call.picked_up', 'call.ended'];
/** What makes a line. That a call began to ring is told by how it ended. */
const lines = [...ofCalls, 'group.joined', 'group.left', 'forwarding.changed', 'pickup.refused'];

const rang = (call: Call, person: string): boolean => call.rang.some((p) => p.person === person);

/** Whether somebody missed a call: it rang them, and nobody took it. What was answered or picked up for them they did not miss (R6). */
export const missed = (call: Call, me: string): boolean => rang(call, me) && untaken.includes(call.state);

/** Whether an event makes a line, and one that a filter lets through. */
export function belongs(filter: HistoryFilter, e: HistoryEvent, me: string): boolean {
  if (!lines.includes(e.type)) return false;
  const call = ofCalls.includes(e.type) ? (e.document as Call) : undefined;
  switch (filter) {
    case 'all':
      return true;
    case 'missed':
      return call !== undefined && missed(call, me);
    case 'others':
      return call !== undefined && (!rang(call, me) || (call.picked_up_by === me && call.on_behalf_of !== me));
    case 'mine':
      return call ? rang(call, me) || [call.answered_by, call.picked_up_by, call.on_behalf_of].includes(me) : e.person === me;
  }
}

/**
 * The newest events, which end before `next`, and after them those that were known. undefined: there is a gap, and more is to be read.
 * Where they meet is looked for at their end, for what stands before it may have come to be readable only now.
 */
export function joined(newest: HistoryEvent[], next: string, known: HistoryEvent[]): HistoryEvent[] | undefined {
  if (!next) return newest;
  const last = newest.at(-1);
  const meets = last ? known.findIndex((e) => e.id === last.id) : -1;
  if (meets < 0) return undefined;
  const ids = new Set(newest.map((e) => e.id));
  return [...newest, ...known.slice(meets + 1).filter((e) => !ids.has(e.id))];
}

/** A group is told with each call, and may be large. */
const sameLogins = (a: (Supervisor | Member)[], b: (Supervisor | Member)[]): boolean =>
  a.length === b.length && a.every((p, i) => p.person === b[i]?.person && p.logged_in === b[i]?.logged_in);
const forwards = (p: Person | undefined): string => JSON.stringify(p?.forwarding.map((f) => [f.kind, f.target]));

/** Whether what the stream tells is something that the history has too. The tables are as they were before it. */
export function makesHistory(tables: Tables, event: string, data: unknown): boolean {
  switch (event) {
    case 'call':
      return (data as Call).state !== 'ringing';
    case 'group': {
      const group = data as Group;
      const before = tables.groups.get(group.id);
      return before !== undefined && !(sameLogins(before.supervisors, group.supervisors) && sameLogins(before.members, group.members));
    }
    case 'membership': {
      const before = tables.memberships.get((data as Membership).id);
      return before !== undefined && before.logged_in !== (data as Membership).logged_in;
    }
    case 'person': {
      const { id } = data as Person;
      const before = id === tables.me?.id ? tables.me : tables.people.get(id);
      return before !== undefined && forwards(before) !== forwards(data as Person);
    }
    case 'notice':
      return !['pickup.calling', 'pickup.connecting', 'dnd.changed'].includes((data as Notice).type);
  }
  return false;
}

export interface Day<L> {
  id: string;
  day: string;
  lines: L[];
}

/** What happened on each day, in its order. A day may come twice, with an id of its own: the daemon's clock may be set over midnight. */
export function byDay<L extends { time: string }>(lines: L[], dayOf: (time: string) => string): Day<L>[] {
  const all: Day<L>[] = [];
  for (const line of lines) {
    const day = dayOf(line.time);
    if (all.at(-1)?.day !== day) all.push({ id: `${day} ${all.filter((d) => d.day === day).length}`, day, lines: [] });
    all.at(-1)!.lines.push(line);
  }
  return all;
}
