import { expect, test } from 'vitest';
import type { Call, Forwarding, Group, MyPhone, Person } from '../api/types';
import { forceOutLapse, hindranceOf, isAway, loginOf, mayCancelForward, mayForce, mayPickUp, maySetForward, phoneToCall, setForwardLapse } from './rights';

const forwarding: Forwarding = { kinds: ['always', 'busy', 'no_answer'], after_seconds: false };
const anna = { id: 'anna', admin: false, forwarding };
const group = (more: Partial<Group> = {}): Group => ({
  id: 'sales', name: 'Sales', number: '1', type: 'mutual_aid', lock_last: 'off', unstaffed: false, ringing: [],
  supervisors: [{ person: 'anna', name: 'Anna', admin: true, may_leave: true, logged_in: true, warning: '', bar: '' }],
  members: [
    { person: 'ben', name: 'Ben', may_leave: true, logged_in: true, status: 'logged_in', warning: '', bar: '' },
    { person: 'dora', name: 'Dora', may_leave: true, logged_in: false, status: 'logged_out', warning: '', bar: '' },
  ],
  ...more,
});
const call = (person = 'ben'): Call => ({
  id: 'c1', caller_call: '', state: 'ringing', since: '', ended_at: '', caller: { number: '1', name: '', withheld: false }, dialled: '', via: [],
  ringing: [{ person, name: '', groups: ['sales'] }], rang: [], answered_by: '', picked_up_by: '', on_behalf_of: '', picking_up_by: '', answered_by_name: '', picked_up_by_name: '', on_behalf_of_name: '', picking_up_by_name: '',
});
const person = (id: string): Person => ({
  id, name: id, extension: '', reachable: true, phones: [], presence: { state: 'online', since: '', source: 'endpoint' }, dnd: false, forwarding: [], calls: [],
});
const of = (g: Group) => new Map([[g.id, g]]);

test('who supervises the group and is logged in may pick up', () => {
  expect(mayPickUp(anna, call(), of(group()))).toBe(true);
  expect(mayPickUp(anna, { ...call(), state: 'answered' }, of(group()))).toBe(false);
  expect(mayPickUp(anna, call('anna'), of(group()))).toBe(false);
  expect(mayPickUp({ id: 'root', admin: true, forwarding }, call(), of(group()))).toBe(false);
  expect(mayPickUp(anna, { ...call(), picking_up_by: 'emil' }, of(group()))).toBe(false);
  const out = group();
  out.supervisors[0]!.logged_in = false;
  expect(mayPickUp(anna, call(), of(out))).toBe(false);
});

const phone = (endpoint: string, more: Partial<MyPhone> = {}): MyPhone => ({ endpoint, label: '', default: false, auto_answer: '', ...more });
const there = (...endpoints: string[]) => ({ dnd: false, phones: ['home', 'desk'].map((endpoint) => ({ endpoint, reachable: endpoints.includes(endpoint) })) });

test('nothing is picked up without a phone that can be called for it', () => {
  const desk = [phone('desk', { default: true })];
  expect(hindranceOf(desk, '', there('desk'), 0)).toBe('');
  expect(hindranceOf(desk, '', there('desk'), 1)).toBe('another');
  expect(hindranceOf([], '', there('desk'), 0)).toBe('no_phone');
  expect(hindranceOf(desk, '', { ...there(), dnd: true }, 0)).toBe('not_connected');
  expect(hindranceOf(desk, '', { ...there('desk'), dnd: true }, 0)).toBe('dnd');
  expect(hindranceOf(desk, '', undefined, 0)).toBe('');
});

test('it is the phone that would be called that has to be there', () => {
  const both = [phone('home', { label: 'Home' }), phone('desk', { default: true })];
  expect(phoneToCall(both, '')?.endpoint).toBe('desk');
  expect(phoneToCall(both, 'home')?.endpoint).toBe('home');
  expect(phoneToCall(both, 'of before')?.endpoint).toBe('desk');
  expect(phoneToCall([phone('first'), phone('second')], '')?.endpoint).toBe('first');
  expect(hindranceOf(both, '', there('home'), 0)).toBe('choose');
  expect(hindranceOf(both, 'home', there('home'), 0)).toBe('');
  expect(hindranceOf(both, 'home', there('desk'), 0)).toBe('choose');
  expect(hindranceOf(both, 'of before', there('desk'), 0)).toBe('');
  expect(hindranceOf(both, 'home', there(), 0)).toBe('not_connected');
  expect(both.map((p) => isAway(p, there('home')))).toEqual([false, true]);
  // New in the configuration, and nothing is told of it yet.
  expect(hindranceOf([phone('new')], '', there(), 0)).toBe('');
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

test('who administers a mutual-aid group logs the others in and out', () => {
  expect(mayForce(anna, group(), 'ben')).toBe(true);
  expect(mayForce(anna, group(), 'anna')).toBe(false);
  expect(mayForce(anna, group({ type: 'standard' }), 'ben')).toBe(false);
  expect(mayForce({ id: 'emil', admin: false, forwarding }, group(), 'ben')).toBe(false);
  expect(mayForce({ id: 'root', admin: true, forwarding }, group(), 'anna')).toBe(true);
});

test('whoever is in a group has one login there', () => {
  expect(loginOf(group(), 'anna')?.logged_in).toBe(true);
  expect(loginOf(group(), 'dora')?.logged_in).toBe(false);
  expect(loginOf(group(), 'root')).toBeUndefined();
});

test('what a dialog asks about may have become impossible while it stands, and each way has its reason', () => {
  const plain = group();
  plain.supervisors[0]!.admin = false;
  expect(forceOutLapse(anna, group(), 'ben')).toBe('');
  expect(forceOutLapse(anna, undefined, 'ben')).toBe('gone');
  expect(forceOutLapse(anna, group(), 'emil')).toBe('gone');
  expect(forceOutLapse(anna, plain, 'ben')).toBe('not_admin');
  expect(forceOutLapse(anna, group({ type: 'standard' }), 'ben')).toBe('not_mutual_aid');
  expect(forceOutLapse(anna, group(), 'dora')).toBe('logged_out');
  const last = group();
  last.members[0]!.bar = 'last_member';
  expect(forceOutLapse(anna, last, 'ben')).toBe('last_member');

  expect(setForwardLapse(anna, person('ben'), [group()])).toBe('');
  expect(setForwardLapse(anna, person('anna'), [])).toBe('');
  expect(setForwardLapse(anna, undefined, [])).toBe('gone');
  expect(setForwardLapse(anna, person('ben'), [])).toBe('gone');
  expect(setForwardLapse(anna, person('ben'), [plain])).toBe('not_admin');
  expect(setForwardLapse(anna, person('dora'), [group()])).toBe('logged_out');
  expect(setForwardLapse({ ...anna, forwarding: { kinds: [], after_seconds: false } }, person('ben'), [group()])).toBe('unsupported');
});
