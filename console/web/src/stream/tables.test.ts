import { expect, test } from 'vitest';
import type { Call, Group, Member, Person, View } from '../api/types';
import { apply, emptyTables } from './tables';

const person = (id: string, name = id): Person => ({
  id, name, extension: '', reachable: true, phones: [], presence: { state: 'online', since: '', source: 'endpoint' }, dnd: false, forwarding: [], calls: [],
});
const call = (id: string): Call => ({
  id, caller_call: '', state: 'ringing', since: '', ended_at: '', caller: { number: '', name: '', withheld: true }, dialled: '', via: [],
  ringing: [], rang: [], answered_by: '', picked_up_by: '', on_behalf_of: '', picking_up_by: '', answered_by_name: '', picked_up_by_name: '', on_behalf_of_name: '', picking_up_by_name: '',
});
const view = (more: Partial<View> = {}): View => ({
  seq: 1, site: { id: 'hq', pbx: { connected: true, since: '', version: '', sip: 'alive' }, nats: { connected: true, since: '' }, epoch: 1, alive_until: '' }, me: person('anna'),
  memberships: [], groups: [], people: [person('ben')], calls: [call('c1')], ...more,
});

test('a view makes void what was known before', () => {
  const t = emptyTables();
  apply(t, 'view', view());
  apply(t, 'call', call('c2'));
  apply(t, 'view', view({ calls: [call('c3')], people: [] }));
  expect([...t.calls.keys()]).toEqual(['c3']);
  expect(t.people.size).toBe(0);
});

test('a person is a member, or oneself', () => {
  const t = emptyTables();
  apply(t, 'view', view());
  apply(t, 'person', person('anna', 'Anna B.'));
  apply(t, 'person', person('ben', 'Ben O.'));
  expect(t.me?.name).toBe('Anna B.');
  expect(t.people.get('ben')?.name).toBe('Ben O.');
  expect(t.people.has('anna')).toBe(false);
});

test('what is gone is gone', () => {
  const t = emptyTables();
  apply(t, 'view', view());
  apply(t, 'call_gone', { id: 'c1' });
  apply(t, 'person_gone', { id: 'ben' });
  expect(t.calls.size + t.people.size).toBe(0);
});

test('members of whom nothing has changed stay the objects that they were', () => {
  const member = (person: string, status: Member['status']): Member => ({ person, name: person, may_leave: true, logged_in: true, status, warning: '', bar: '' });
  const group = (...members: Member[]) => ({ id: 'sales', name: 'Sales', members }) as unknown as Group;
  const t = emptyTables();
  apply(t, 'group', group(member('ben', 'logged_in'), member('fatma', 'logged_in')));
  const before = t.groups.get('sales')!.members;
  apply(t, 'group', group(member('fatma', 'ringing'), member('ben', 'logged_in'), member('georg', 'logged_in')));
  const after = t.groups.get('sales')!.members;
  expect(after.map((m) => [m.person, m.status])).toEqual([['fatma', 'ringing'], ['ben', 'logged_in'], ['georg', 'logged_in']]);
  expect(after[1]).toBe(before[0]);
});

test('notices are given back, and unknown events passed over', () => {
  const t = emptyTables();
  expect(apply(t, 'notice', { type: 'group.left' })).toEqual({ type: 'group.left' });
  expect(apply(t, 'of_tomorrow', { id: 'x' })).toBeUndefined();
});
