import { expect, test, vi } from 'vitest';
import type { HistoryEvent } from '../api/types';
import type { Board } from './board.svelte';

vi.stubGlobal('navigator', { languages: ['en'] });
vi.stubGlobal('window', new EventTarget());
const { lineOf } = await import('./history');

const people: Record<string, string> = { anna: 'Anna Berger' };
const board = { account: { id: 'anna' }, nameOf: (id: string) => people[id] ?? id } as unknown as Board;
const event = (type: HistoryEvent['type'], document: unknown, more: Partial<HistoryEvent> = {}): HistoryEvent =>
  ({ type, time: '2026-03-01T12:00:05.000Z', subject: 's', id: '1-1', document, ...more }) as HistoryEvent;
/** What is read, without the marks that isolate names. */
const text = (e: HistoryEvent): string => {
  const { text: said, more } = lineOf(e, board)!;
  return `${said} | ${more}`.replace(/[\u2066-\u2069]/g, '');
};

const call = {
  state: 'picked_up', since: '2026-03-01T12:00:00.000Z', ended_at: '2026-03-01T12:00:04.000Z', caller: { number: '106', name: '', withheld: false },
  ringing: [{ person: 'ben', name: 'Ben Okafor', groups: [] }], rang: [{ person: 'dora', name: 'Dora Lind', groups: [] }, { person: 'ben', name: 'Ben Okafor', groups: [] }],
  answered_by: '', picked_up_by: 'emil', picked_up_by_name: 'Emil Novak', on_behalf_of: 'ben', on_behalf_of_name: 'Ben Okafor',
};

test('who has left since is named as the event has it', () => {
  expect(text(event('call.picked_up', call))).toMatch(/^Call for Dora Lind, Ben Okafor: 106 \| Emil Novak picked up for Ben Okafor · /);
  const group = { name: 'Sales', members: [{ person: 'ben', name: 'Ben Okafor' }], supervisors: [{ person: 'emil', name: 'Emil Novak' }], ringing: ['c1'] };
  const by = { person: 'hana', name: 'Hana Sato', via: 'http' as const };
  expect(text(event('group.left', group, { person: 'ben', by }))).toMatch(/^Hana Sato logged Ben Okafor out of Sales/);
  expect(text(event('group.joined', group, { person: 'emil', by: { ...by, person: 'emil', name: 'Emil Novak' } }))).toMatch(/^Emil Novak logged in to Sales/);
  expect(text(event('forwarding.changed', { id: 'ben', name: 'Ben Okafor', forwarding: [] }, { person: 'ben', by }))).toMatch(/^Hana Sato changed the forward of Ben Okafor/);
  expect(text(event('pickup.refused', { code: 'not_ringing', message: '' }, { person: 'emil', by: { ...by, person: 'emil', name: 'Emil Novak' } }))).toContain('Emil Novak');
});

test('who has no name there has the one of now, otherwise the id', () => {
  const before = { ...call, rang: [{ person: 'anna', groups: [] }, { person: 'ben', groups: [] }], ringing: [] };
  expect(text(event('call.ended', before))).toMatch(/^Call for Anna Berger, ben: 106/);
});
