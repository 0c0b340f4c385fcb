// What the stream tells, as tables by id. It has no clock and no screen: the maps may be plain or observed ones.
import type { Call, Group, Member, Membership, Notice, Person, Site, View } from '../api/types';

export interface Tables {
  me: Person | undefined;
  site: Site | undefined;
  people: Map<string, Person>;
  groups: Map<string, Group>;
  memberships: Map<string, Membership>;
  calls: Map<string, Call>;
}

export function emptyTables(): Tables {
  return { me: undefined, site: undefined, people: new Map(), groups: new Map(), memberships: new Map(), calls: new Map() };
}

/** What one event does. A notice changes no table: it is given back. An event of a newer daemon is passed over. */
export function apply(tables: Tables, event: string, data: unknown): Notice | undefined {
  switch (event) {
    case 'view':
      applyView(tables, data as View);
      break;
    case 'person': {
      const person = data as Person;
      if (person.id === tables.me?.id) tables.me = person;
      // Who supervises a group of which they are a member reads themself there too.
      else tables.people.set(person.id, person);
      break;
    }
    case 'site':
      tables.site = data as Site;
      break;
    case 'group':
      put(tables.groups, keepMembers(data as Group, tables.groups.get((data as Group).id)));
      break;
    case 'membership':
      put(tables.memberships, data as Membership);
      break;
    case 'call':
      put(tables.calls, data as Call);
      break;
    case 'person_gone':
      gone(tables.people, data);
      break;
    case 'group_gone':
      gone(tables.groups, data);
      break;
    case 'membership_gone':
      gone(tables.memberships, data);
      break;
    case 'call_gone':
      gone(tables.calls, data);
      break;
    case 'notice':
      return data as Notice;
  }
  return undefined;
}

/** A view is all there is: whatever was known before is void. Its order is the configuration's. */
function applyView(tables: Tables, view: View): void {
  tables.site = view.site;
  tables.me = view.me;
  replace(tables.people, view.people);
  replace(tables.groups, view.groups);
  replace(tables.memberships, view.memberships);
  replace(tables.calls, view.calls);
}

interface WithID { id: string }

function replace<T extends WithID>(map: Map<string, T>, list: T[]): void {
  map.clear();
  for (const one of list) map.set(one.id, one);
}

function put<T extends WithID>(map: Map<string, T>, one: T): void {
  map.set(one.id, one);
}

/** A group comes whole, and of its members hardly more than one has changed: the others stay the objects that they were. */
function keepMembers(group: Group, before: Group | undefined): Group {
  const known = new Map(before?.members.map((m) => [m.person, m]));
  const members = group.members.map((m) => {
    const old = known.get(m.person);
    return old && same(old, m) ? old : m;
  });
  return { ...group, members };
}

const same = (a: Member, b: Member): boolean =>
  a.name === b.name && a.may_leave === b.may_leave && a.logged_in === b.logged_in && a.status === b.status && a.warning === b.warning &&
  a.bar === b.bar;

function gone<T extends WithID>(map: Map<string, T>, data: unknown): void {
  map.delete((data as WithID).id);
}

export function forget(tables: Tables): void {
  tables.me = undefined;
  tables.site = undefined;
  for (const map of [tables.people, tables.groups, tables.memberships, tables.calls]) map.clear();
}
