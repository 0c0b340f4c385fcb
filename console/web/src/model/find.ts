// Searching and filtering of people.
import type { Call, Group, Member, Person } from '../api/types';

export type Filter = 'all' | 'ringing' | 'logged_in' | 'forwarded';
export const filters: Filter[] = ['all', 'ringing', 'logged_in', 'forwarded'];

/** Letters without their accents, small: who looks for "weiss" or "jose" finds Weiß and José. */
export function plain(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replace(/ß/g, 'ss');
}

const digits = (text: string): string => text.replace(/[^\d+*#]/g, '');

/** Every word must be in the name, or be the beginning or a part of a number. */
export function matches(query: string, name: string, numbers: string[]): boolean {
  const words = plain(query).split(/\s+/).filter(Boolean);
  const in_name = plain(name);
  const asNumber = digits(query);
  if (asNumber.length > 0 && digits(query).length >= query.replace(/[\s()/.-]/g, '').length && numbers.some((n) => digits(n).includes(asNumber))) {
    return true;
  }
  return words.every((w) => in_name.includes(w) || numbers.some((n) => n.includes(w)));
}

export function passes(filter: Filter, member: Member, person: Person | undefined): boolean {
  switch (filter) {
    case 'all':
      return true;
    case 'ringing':
      return member.status === 'ringing';
    case 'logged_in':
      return member.logged_in;
    case 'forwarded':
      return (person?.forwarding.length ?? 0) > 0;
  }
}

/** What a person is found by: also by who calls them now, and by where the line goes. */
export function numbersOf(person: Person, calls: Map<string, Call>): string[] {
  const list = [person.extension, ...person.forwarding.map((f) => f.target)];
  for (const id of person.calls) {
    const caller = calls.get(id)?.caller;
    if (caller && !caller.withheld) list.push(caller.number);
  }
  return list;
}

/** The calls that ring, the oldest first; and after them those that are over and still say how. */
export function inOrder(calls: Iterable<Call>): { all: Call[]; ringing: Call[]; over: Call[] } {
  const all = [...calls].sort((a, b) => (a.since < b.since ? -1 : a.since > b.since ? 1 : a.id < b.id ? -1 : 1));
  return { all, ringing: all.filter((c) => c.state === 'ringing'), over: all.filter((c) => c.state !== 'ringing') };
}

/** How many ends are told at a time, and how many rows are kept for a pointer. */
const endsTold = 6;
const keptMost = 12;

/**
 * The rows of calls, by age: those that ring, and of those that are over the newest. While somebody points at them, none of the rows
 * before is taken away: what they aim at stays where it is. A row of which nothing is known any more says so.
 */
export function rowsOf(ringing: Call[], over: Call[], before: Call[], pointed: boolean): Call[] {
  const ends = [...over].sort((a, b) => (a.ended_at < b.ended_at ? 1 : -1));
  const rows = new Map([...ringing, ...ends.slice(0, endsTold)].map((c) => [c.id, c]));
  if (pointed && ringing.length > 0) {
    const known = new Map(ends.map((c) => [c.id, c]));
    for (const c of before.filter((b) => !rows.has(b.id)).slice(-keptMost)) {
      rows.set(c.id, known.get(c.id) ?? (c.state === 'ringing' ? { ...c, state: 'withdrawn' } : c));
    }
  }
  return inOrder(rows.values()).all;
}

/** Through which of my groups a call is supervised, each once. */
export function groupsOf(call: Call, groups: Map<string, Group>): Group[] {
  const ids = new Set(call.ringing.flatMap((p) => p.groups));
  return [...ids].map((id) => groups.get(id)).filter((g): g is Group => g !== undefined);
}
