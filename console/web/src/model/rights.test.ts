import { expect, test } from 'vitest';
import type { Call, Forwarding, Group, Membership, Person } from '../api/types';
import { forceBar, leaveBar, mayCancelForward, mayPickUp, maySetForward } from './rights';

const forwarding: Forwarding = { kinds: ['always', 'busy', 'no_answer'], after_seconds: false };
const anna = { id: 'anna', admin: false, forwarding };
const group = (more: Partial<Group> = {}): Group => ({
  id: 'sales', name: 'Sales', number: '1', type: 'mutual_aid', lock_last: 'off', unstaffed: false, ringing: [],
  supervisors: [{ person: 'anna', name: 'Anna', admin: true, may_leave: true, logged_in: true, warning: '' }],
  members: [
    { person: 'ben', name: 'Ben', may_leave: true, logged_in: true, status: 'logged_in', warning: '' },
    { person: 'dora', name: 'Dora', may_leave: true, logged_in: false, status: 'logged_out', warning: '' },
  ],
  ...more,
});
const call = (person = 'ben'): Call => ({
  id: 'c1', caller_call: '', state: 'ringing', since: '', ended_at: '', caller: { number: '1', name: '', withheld: false }, dialled: '', via: [],
  ringing: [{ person, groups: ['sales'] }], rang: [], answered_by: '', picked_up_by: '', on_behalf_of: '',
});
const person = (id: string): Person => ({
  id, name: id, extension: '', reachable: true, presence: { state: 'online', since: '', source: 'endpoint' }, dnd: false, forwarding: [], calls: [],
});
const of = (g: Group) => new Map([[g.id, g]]);

test('who supervises the group and is logged in may pick up', () => {
  expect(mayPickUp(anna, call(), of(group()))).toBe(true);
  expect(mayPickUp(anna, { ...call(), state: 'answered' }, of(group()))).toBe(false);
  expect(mayPickUp(anna, call('anna'), of(group()))).toBe(false);
  expect(mayPickUp({ id: 'root', admin: true, forwarding }, call(), of(group()))).toBe(false);
  const out = group();
  out.supervisors[0]!.logged_in = false;
  expect(mayPickUp(anna, call(), of(out))).toBe(false);
});

test('forwards are for who supervises, and to be set for who administers', () => {
  const plain = group();
  plain.supervisors[0]!.admin = false;
  expect(mayCancelForward(anna, person('ben'), [plain])).toBe(true);
  expect(maySetForward(anna, person('ben'), [plain])).toBe(false);
  expect(maySetForward(anna, person('ben'), [group()])).toBe(true);
  expect(mayCancelForward(anna, person('dora'), [group()])).toBe(false);
  expect(maySetForward(anna, person('anna'), [])).toBe(true);
  expect(maySetForward({ id: 'root', admin: true, forwarding }, person('ben'), [plain])).toBe(true);
  const nowhere = { ...anna, forwarding: { kinds: [], after_seconds: false } };
  expect(maySetForward(nowhere, person('anna'), [group()])).toBe(false);
  expect(maySetForward(nowhere, person('ben'), [group()])).toBe(false);
  expect(mayCancelForward(nowhere, person('ben'), [group()])).toBe(true);
});

test('nobody is forced against the rules', () => {
  expect(forceBar(anna, group(), 'ben')).toBeUndefined();
  expect(forceBar(anna, group({ type: 'standard' }), 'ben')).toBe('not_mutual_aid');
  expect(forceBar({ id: 'emil', admin: false, forwarding }, group(), 'ben')).toBe('not_admin');
  expect(forceBar(anna, group({ lock_last: 'role' }), 'ben')).toBe('last_role');
  expect(forceBar(anna, group({ lock_last: 'person' }), 'ben')).toBeUndefined();
  expect(forceBar(anna, group({ lock_last: 'role' }), 'dora')).toBeUndefined();
  const fixed = group();
  fixed.members[0]!.may_leave = false;
  expect(forceBar(anna, fixed, 'ben')).toBe('may_not_leave');
});

test('who is not connected staffs nothing', () => {
  const g = group({ lock_last: 'person' });
  g.supervisors[0]!.warning = 'not_connected';
  expect(forceBar(anna, g, 'ben')).toBe('last_person');
});

test('the last one sees the lock', () => {
  const m: Membership = { id: 'sales', name: 'Sales', number: '', lock_last: 'person', logged_in: true, may_leave: true, count: 2, connected: 1 };
  expect(leaveBar(m, person('ben'), undefined)).toBe('last_person');
  expect(leaveBar({ ...m, connected: 2 }, person('ben'), undefined)).toBeUndefined();
  expect(leaveBar({ ...m, logged_in: false }, person('ben'), undefined)).toBeUndefined();
  expect(leaveBar({ ...m, may_leave: false, connected: 2 }, person('ben'), undefined)).toBe('may_not_leave');
});
