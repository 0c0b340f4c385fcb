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
export function inOrder(calls: Iterable<Call>): { ringing: Call[]; over: Call[] } {
  const all = [...calls].sort((a, b) => (a.since < b.since ? -1 : a.since > b.since ? 1 : a.id < b.id ? -1 : 1));
  return { ringing: all.filter((c) => c.state === 'ringing'), over: all.filter((c) => c.state !== 'ringing') };
}

/** Through which of my groups a call is supervised, each once. */
export function groupsOf(call: Call, groups: Map<string, Group>): Group[] {
  const ids = new Set(call.ringing.flatMap((p) => p.groups));
  return [...ids].map((id) => groups.get(id)).filter((g): g is Group => g !== undefined);
}
