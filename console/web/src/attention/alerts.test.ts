import { expect, test } from 'vitest';
import type { Call, Group, Me } from '../api/types';
import { alertsOf, isTold, sounds, supervises, toTell } from './alerts';

const group = (id: string, loggedIn: boolean): Group => ({
  id, name: 'Vertrieb', number: '1', type: 'mutual_aid', lock_last: 'off', unstaffed: false, ringing: [], members: [],
  supervisors: [{ person: 'anna', admin: false, may_leave: true, logged_in: loggedIn, warning: '' }],
} as unknown as Group);
const call = (id: string, ringing: { person: string; groups: string[] }[], change: Partial<Call> = {}): Call => ({
  id, caller_call: id, state: 'ringing', since: '2026-01-01T00:00:00.000Z', ended_at: '', caller: { number: '+4930555', name: 'Dr. Weiß', withheld: false },
  dialled: '', via: [], ringing: ringing.map((p) => ({ name: '', ...p })), rang: [], answered_by: '', picked_up_by: '', on_behalf_of: '', picking_up_by: '', answered_by_name: '', picked_up_by_name: '', on_behalf_of_name: '', picking_up_by_name: '', ...change,
});
const account = { id: 'anna', admin: false, name: 'Anna' } as Me;
const groups = new Map([['sales', group('sales', true)], ['care', group('care', false)]]);

test('one is told of what one may pick up, and has not begun to', () => {
  const ringing = [
    call('mine', [{ person: 'anna', groups: ['sales'] }]),
    call('sales', [{ person: 'ben', groups: ['sales'] }]),
    call('care', [{ person: 'ben', groups: ['care'] }]),
    call('begun', [{ person: 'ben', groups: ['sales'] }]),
  ];
  expect(toTell({ account, ringing, groups, attempts: new Set(['begun']) }).map((c) => c.id)).toEqual(['sales']);
});

test('calls are told to who is logged in as a supervisor somewhere, and not to who only sees the groups', () => {
  expect(isTold('anna', groups.values())).toBe(true);
  expect(isTold('anna', [group('care', false)])).toBe(false);
  expect(isTold('root', groups.values())).toBe(false);
  expect(isTold('anna', [])).toBe(false);
  // Who is logged out everywhere may choose how they are told.
  expect(supervises('anna', [group('care', false)])).toBe(true);
  expect(supervises('root', groups.values())).toBe(false);
});

const told = {
  account, groups, nameOf: (id: string) => ({ ben: 'Ben Okafor' })[id] ?? id, phone: 'PJSIP/101', pickup: true, silent: true,
};

test('it is said who calls whom, and through what', () => {
  const both = [{ person: 'ben', groups: ['sales'] }, { person: 'anna', groups: ['sales'] }];
  const [alert] = alertsOf([call('c1', both, { via: [{ kind: 'ring_group', number: '700', name: '' }] })], { ...told, language: 'en' });
  expect(alert).toEqual({
    call: 'c1', since: '2026-01-01T00:00:00.000Z', title: 'Dr. Weiß (+4930555)', body: 'for Ben Okafor and 1 other · Vertrieb · ring group 700',
    phone: 'PJSIP/101', pickup: true, language: 'en', silent: true,
  });
});

test('what somebody else is picking up is told as that, and nobody hurries to it', () => {
  const taken = call('c1', [{ person: 'ben', groups: ['sales'] }], { picking_up_by: 'emil', picking_up_by_name: 'Emil Novak' });
  const free = call('c2', [{ person: 'ben', groups: ['sales'] }]);
  const ringing = toTell({ account, ringing: [taken, free], groups, attempts: new Set() });
  expect(ringing).toEqual([taken, free]);
  expect([sounds([taken]), sounds(ringing)]).toEqual([false, true]);
  const alerts = alertsOf(ringing, { ...told, silent: false, language: 'en' });
  expect(alerts.map((a) => [a.pickup, a.silent])).toEqual([[false, true], [true, false]]);
  expect(alerts[0]!.body).toBe('for Ben Okafor · Vertrieb · \u2068Emil Novak\u2069 is picking up'.replace(/[\u2068\u2069]/g, ''));
});

test('a number that is withheld stays so', () => {
  const [alert] = alertsOf([call('c1', [{ person: 'ben', groups: [] }], { caller: { number: '', name: '', withheld: true } })], { ...told, language: 'en' });
  expect(alert?.title).toBe('Number withheld');
  expect(alert?.body).toBe('for Ben Okafor');
});
