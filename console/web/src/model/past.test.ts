import { expect, test } from 'vitest';
import type { Call, CallState, Group, HistoryEvent, Person } from '../api/types';
import { emptyTables } from '../stream/tables';
import { belongs, byDay, historyFilters, joined, makesHistory, missed } from './past';

const call = (state: CallState, rang: string[], more: Partial<Call> = {}): Call => ({
  id: 'c1', caller_call: '', state, since: '', ended_at: '', caller: { number: '1', name: '', withheld: false }, dialled: '', via: [],
  ringing: [], rang: rang.map((person) => ({ person, name: '', groups: [] })), answered_by: '', picked_up_by: '', on_behalf_of: '', picking_up_by: '', answered_by_name: '', picked_up_by_name: '', on_behalf_of_name: '', picking_up_by_name: '', ...more,
});
const event = (type: string, document: unknown = {}, person = ''): HistoryEvent => ({ id: '1-1', type, time: '', subject: '', document, person });
const through = (e: HistoryEvent) => historyFilters.filter((f) => belongs(f, e, 'me')).join(' ');

test('missed is what rang me and nobody took', () => {
  for (const state of ['abandoned', 'no_answer', 'diverted', 'declined'] as const) expect(missed(call(state, ['ben', 'me']), 'me'), state).toBe(true);
  for (const state of ['answered', 'picked_up', 'answered_elsewhere', 'withdrawn', 'lost', 'ringing'] as const) {
    expect(missed(call(state, ['me']), 'me'), state).toBe(false);
  }
  expect(missed(call('abandoned', ['ben']), 'me')).toBe(false);
});

test('a filter lets through what its name says', () => {
  expect(through(event('call.ended', call('abandoned', ['me'])))).toBe('all missed mine');
  expect(through(event('call.ended', call('abandoned', ['ben'])))).toBe('all others');
  expect(through(event('call.answered', call('answered', ['me', 'ben'], { answered_by: 'ben' })))).toBe('all mine');
  expect(through(event('call.picked_up', call('picked_up', ['ben'], { picked_up_by: 'me', on_behalf_of: 'ben' })))).toBe('all others mine');
  expect(through(event('call.picked_up', call('picked_up', ['ben', 'me'], { picked_up_by: 'me', on_behalf_of: 'ben' })))).toBe('all others mine');
  expect(through(event('call.picked_up', call('picked_up', ['me'], { picked_up_by: 'ben', on_behalf_of: 'me' })))).toBe('all mine');
  expect(through(event('group.left', {}, 'me'))).toBe('all mine');
  expect(through(event('group.left', {}, 'ben'))).toBe('all');
  expect(through(event('forwarding.changed', {}, 'me'))).toBe('all mine');
  expect(through(event('pickup.refused', {}, 'me'))).toBe('all mine');
  expect(through(event('call.ringing', call('ringing', ['me'])))).toBe('');
  expect(through(event('of.a.newer.daemon'))).toBe('');
});

const events = (...ids: string[]) => ids.map((id) => ({ ...event('group.left'), id }));
const ids = (list: HistoryEvent[] | undefined) => list?.map((e) => e.id).join('');

test('what is read anew joins what is known where its end is known', () => {
  const known = events('d', 'c', 'b', 'a');
  expect(ids(joined(events('e', 'd', 'c'), '3', known))).toBe('edcba');
  expect(ids(joined(events('e', 'x', 'c'), '3', known)), 'one that may be read only now').toBe('excba');
  expect(ids(joined(events('b', 'e', 'd', 'c'), '3', known)), 'one that was published again').toBe('bedca');
  expect(joined(events('g', 'f'), '6', known)).toBeUndefined();
  expect(joined([], '6', known)).toBeUndefined();
  expect(ids(joined(events('g', 'f'), '', known)), 'there is no more').toBe('gf');
  expect(ids(joined([], '', known))).toBe('');
});

test('what the stream tells is in the history too, or is not', () => {
  const person = (target = ''): Person => ({
    id: 'ben', name: '', extension: '', reachable: true, phones: [], presence: { state: 'online', since: '', source: 'endpoint' }, dnd: false, calls: [],
    forwarding: target ? [{ kind: 'always', target, target_name: '', effective: target, effective_name: '', loop: false, after_seconds: 0, since: '', set_by: '' }] : [],
  });
  const group = (logged_in: boolean, status: 'ringing' | 'logged_in' = 'logged_in'): Group => ({
    id: 'g', name: '', number: '', type: 'mutual_aid', lock_last: 'off', unstaffed: false, ringing: [], supervisors: [],
    members: [{ person: 'ben', name: '', may_leave: true, logged_in, status, warning: '', bar: '' }],
  });
  const tables = { ...emptyTables(), me: { ...person(), id: 'me' } };
  tables.people.set('ben', person('1'));
  tables.groups.set('g', group(true));
  expect(makesHistory(tables, 'call', call('ringing', ['me']))).toBe(false);
  expect(makesHistory(tables, 'call', call('answered', ['me']))).toBe(true);
  expect(makesHistory(tables, 'group', group(true, 'ringing'))).toBe(false);
  expect(makesHistory(tables, 'group', group(false))).toBe(true);
  expect(makesHistory(tables, 'person', { ...person('1'), reachable: false })).toBe(false);
  expect(makesHistory(tables, 'person', person('2'))).toBe(true);
  expect(makesHistory(tables, 'person', { ...person('2'), id: 'me' })).toBe(true);
  for (const [type, is] of [['group.left', true], ['pickup.refused', true], ['pickup.calling', false], ['dnd.changed', false]] as const) {
    expect(makesHistory(tables, 'notice', { type }), type).toBe(is);
  }
  expect(makesHistory(tables, 'site', {})).toBe(false);
});

test('a day that comes twice, since a clock was set, is two', () => {
  const lines = ['3T08', '2T00', '3T00', '2T23', '2T22'].map((time) => ({ time }));
  expect(byDay(lines, (time) => time.slice(0, 1)).map((d) => [d.id, d.lines.length])).toEqual([['3 0', 1], ['2 0', 1], ['3 1', 1], ['2 1', 2]]);
});
