// Searching and filtering of people.
import type { Call, Forward, Group, Member, Person } from '../api/types';

export type Filter = 'all' | 'ringing' | 'logged_in' | 'forwarded';
export const filters: Filter[] = ['all', 'ringing', 'logged_in', 'forwarded'];

/** Letters without their accents, small: who looks for "weiss" or "jose" finds Weiß and José. */
export function plain(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replace(/ß/g, 'ss');
}

const digits = (text: string): string => text.replace(/[^\d+*#]/g, '');

/** What is looked for, taken apart once for all whom it is compared with. */
export interface Search { filter: Filter; words: string[]; number: string }

export function searchFor(query: string, filter: Filter = 'all'): Search {
  const number = digits(query);
  const written = query.replace(/[\s()/.-]/g, '').length;
  return { filter, words: plain(query).split(/\s+/).filter(Boolean), number: number.length >= written ? number : '' };
}

/** Whether there is anything by which somebody is not found. */
export const narrows = (search: Search): boolean => search.words.length > 0 || search.filter !== 'all';

/** Every word must be in the name, which is a plain one, or be the beginning or a part of a number. */
export function matches(search: Search, name: string, numbers: string[]): boolean {
  const { words, number } = search;
  if (number !== '' && numbers.some((n) => digits(n).includes(number))) return true;
  return words.every((w) => name.includes(w) || numbers.some((n) => n.includes(w)));
}

/** The plain names of people, made once for each of their documents. */
const plainNames = new WeakMap<Person, string>();

function plainName(person: Person): string {
  let name = plainNames.get(person);
  if (name === undefined) plainNames.set(person, (name = plain(person.name)));
  return name;
}

export function finds(search: Search, member: Member, person: Person | undefined, calls: Map<string, Call>): boolean {
  if (!passes(search.filter, member, person)) return false;
  return search.words.length === 0 || (person !== undefined && matches(search, plainName(person), numbersOf(member, person, calls)));
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
      return forwardsOf(member, person).length > 0;
  }
}

/** G4: a group shows nothing of the line of who is logged out of it. Another of mine may show it: there is one document of a person. */
export function forwardsOf(member: Member, person: Person | undefined): Forward[] {
  return member.logged_in ? (person?.forwarding ?? []) : [];
}

/** What a person is found by, besides the name: also by who calls them now, by name and number, and by where the line goes. */
function numbersOf(member: Member, person: Person, calls: Map<string, Call>): string[] {
  if (!member.logged_in) return [person.extension];
  const list = [person.extension, ...person.forwarding.map((f) => f.target)];
  for (const id of person.calls) {
    const caller = calls.get(id)?.caller;
    if (caller && !caller.withheld) list.push(caller.number, plain(caller.name));
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

/** Who is a member of which group, as a text. */
export function rostersOf(groups: Iterable<Group>): string {
  return JSON.stringify([...groups].map((g) => [g.id, g.members.map((m) => m.person)]));
}

/** The same by person: the ids of the groups. */
export function placesOf(rosters: string): Map<string, string[]> {
  const places = new Map<string, string[]>();
  for (const [id, people] of JSON.parse(rosters) as [string, string[]][]) {
    for (const person of people) {
      const those = places.get(person);
      if (those) those.push(id);
      else places.set(person, [id]);
    }
  }
  return places;
}

/** Through which of my groups a call is supervised, each once. */
export function groupsOf(call: Call, groups: Map<string, Group>): Group[] {
  const ids = new Set(call.ringing.flatMap((p) => p.groups));
  return [...ids].map((id) => groups.get(id)).filter((g): g is Group => g !== undefined);
}
