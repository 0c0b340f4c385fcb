// Searching and filtering of people.
import type { Call, Forward, Group, Member, Person } from '../api/types';
import { inNumber, numberOf, spellings } from './folding';

export type Filter = 'all' | 'ringing' | 'logged_in' | 'forwarded';
export const filters: Filter[] = ['all', 'ringing', 'logged_in', 'forwarded'];

/** What is looked for, taken apart once for all whom it is compared with: words in each of their spellings, or all of it as a number. */
export interface Search { filter: Filter; words: string[][]; number: string }

export function searchFor(query: string, filter: Filter = 'all'): Search {
  return { filter, words: query.split(/\s+/).filter(Boolean).map(spellings), number: numberOf(query) };
}

/** Whether there is anything by which somebody is not found. */
export const narrows = (search: Search): boolean => search.words.length > 0 || search.filter !== 'all';

/** Every word must be a part of a name, in any of its spellings, or of a number. */
export function matches(search: Search, names: string[], numbers: string[]): boolean {
  const { words, number } = search;
  if (number !== '' && numbers.some((n) => inNumber(number, n))) return true;
  return words.every((spelled) => spelled.some((w) => names.some((n) => n.includes(w)) || numbers.some((n) => n.includes(w))));
}

/** The spellings of names, made once for each document. */
const spelled = new WeakMap<Person | Call, string[]>();

function spellingsOf(document: Person | Call, name: string): string[] {
  let those = spelled.get(document);
  if (those === undefined) spelled.set(document, (those = spellings(name)));
  return those;
}

export function finds(search: Search, member: Member, person: Person | undefined, calls: Map<string, Call>): boolean {
  if (!passes(search.filter, member, person)) return false;
  if (search.words.length === 0) return true;
  if (!person) return false;
  const { names, numbers } = knownBy(member, person, calls);
  return matches(search, names, numbers);
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

/** What a person is found by: also by who calls them now, by name and number, and by where the line goes. */
function knownBy(member: Member, person: Person, calls: Map<string, Call>): { names: string[]; numbers: string[] } {
  const names = spellingsOf(person, person.name);
  if (!member.logged_in) return { names, numbers: [person.extension] };
  const callers = person.calls.map((id) => calls.get(id)).filter((c): c is Call => c !== undefined && !c.caller.withheld);
  return {
    names: [...names, ...callers.flatMap((c) => spellingsOf(c, c.caller.name))],
    numbers: [person.extension, ...person.forwarding.map((f) => f.target), ...callers.map((c) => c.caller.number)],
  };
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
