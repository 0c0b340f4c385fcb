import { expect, test } from 'vitest';
import type { Call, Group, Member, Person } from '../api/types';
import { finds, forwardsOf, matches, narrows, passes, placesOf, rostersOf, rowsOf, searchFor } from './find';
import { spellings } from './folding';

const found = (query: string, name: string, numbers: string[]) => matches(searchFor(query), spellings(name), numbers);

test('people are found without accents, and by parts', () => {
  expect(found('weis', 'Dr. Weiß', [])).toBe(true);
  expect(found('ber ann', 'Anna Berger', [])).toBe(true);
  expect(found('ann ben', 'Anna Berger', [])).toBe(false);
});

test('people are found by letters that look like theirs, and as these are spelled out', () => {
  const names: Record<string, string> = {
    'Łukasz Żółć': 'lukasz zolc Łukasz żółć', 'Søren Aabye': 'soren soeren søren', Aydın: 'aydin aydın AYDIN', Yıldız: 'yildiz YILDIZ yıldız', İnan: 'inan İnan INAN',
    'Đorđe Đukić': 'dorde đorđe dukic', Æbelø: 'aebelo aebeloe æbelø ÆBELØ', Müller: 'muller mueller müller MÜLLER', Mueller: 'mueller müller', Jörg: 'jorg joerg',
    Weiß: 'weiss weiß WEISS', Weiss: 'weiß weiss', José: 'jose josé JOSÉ', Åse: 'ase aase åse', Þór: 'thor þór', Œdipe: 'oedipe œdipe', 'Nguyễn Đức': 'nguyen duc',
    Γιώργος: 'giorgos γιωργος Γιώργος', Иванов: 'ivanov иванов', 김철수: '김철수 철수', 'D’Angelo': "d’angelo d'angelo", 'Jean‑Luc': 'jean-luc',
  };
  for (const [name, queries] of Object.entries(names)) {
    for (const query of queries.split(' ')) {
      for (const typed of [query, query.normalize('NFD')]) expect(found(typed, name, []), `${typed}: ${name}`).toBe(true);
    }
    expect(found(name, name.normalize('NFD'), []), name).toBe(true);
  }
  expect(found('muller', 'Mueller', [])).toBe(false);
  expect(found('joerg soren', 'Jörg Sørensen', [])).toBe(true);
  expect(found('soren', 'Anna Berger', [])).toBe(false);
});

test('people are found by number, however it is written', () => {
  expect(found('102', 'Ben', ['102'])).toBe(true);
  expect(found('030 / 555', 'Ben', ['+4930555', '030555'])).toBe(true);
  expect(found('7', 'Ben', ['102'])).toBe(false);
  for (const query of ['+49 (0)30 / 555-0123', '+49 (0', '+49', '+493', '0049 30 5550123', '030 555 01 23', '030–555.01.23', '5550123', '(030) 5550123', '+49 30 555\u20110123']) {
    for (const number of ['+49305550123', '0049305550123']) expect(found(query, 'Ben', [number]), `${query}: ${number}`).toBe(true);
  }
  for (const query of ['+49 (0)30 / 555-0123', '0049 30 5550123', '030 555 01 23']) expect(found(query, 'Ben', ['0305550123']), query).toBe(true);
  for (const query of ['+49 (0)30 / 555-0124', '+1 30 5550124', '030 555 01 24']) expect(found(query, 'Ben', ['0305550123', '+49305550123', '102']), query).toBe(false);
  expect(found('+49 30', 'Ben', ['102', '030', '30'])).toBe(false);
  expect(found('*21#', 'Ben', ['*21#'])).toBe(true);
  expect(found('', 'Ben', [])).toBe(true);
});

const member = (person: string): Member => ({ person, name: person, may_leave: true, logged_in: true, status: 'logged_in', warning: '', bar: '' });

test('only a search or a filter narrows what is shown, and both hold', () => {
  const ben = { name: 'Bén Okafor', extension: '102', forwarding: [], calls: [] } as unknown as Person;
  expect([narrows(searchFor(' ')), narrows(searchFor('b')), narrows(searchFor('', 'ringing'))]).toEqual([false, true, true]);
  expect(finds(searchFor('ben'), member('ben'), ben, new Map())).toBe(true);
  expect(finds(searchFor('ben', 'ringing'), member('ben'), ben, new Map())).toBe(false);
  expect(finds(searchFor('ben'), member('ben'), undefined, new Map())).toBe(false);
});

test('people are found by who calls them, unless that is withheld', () => {
  const ben = { name: 'Ben', extension: '102', forwarding: [], calls: ['a'] } as unknown as Person;
  const from = (name: string, withheld: boolean) => new Map([['a', { ...call('a', 1), caller: { number: '+49305550', name, withheld } }]]);
  for (const query of ['weiss', 'dr weiß', '5550']) expect(finds(searchFor(query), member('ben'), ben, from('Dr. Weiß', false)), query).toBe(true);
  for (const query of ['weiss', '5550']) expect(finds(searchFor(query), member('ben'), ben, from('Dr. Weiß', true)), query).toBe(false);
});

test('a group shows, counts and finds no forward and no caller of who is logged out of it', () => {
  const ben = { name: 'Ben', extension: '102', forwarding: [{ kind: 'always', target: '110' }], calls: ['a'] } as unknown as Person;
  const out: Member = { ...member('ben'), logged_in: false, status: 'logged_out' };
  const calling = new Map([['a', call('a', 1)]]);
  expect([forwardsOf(member('ben'), ben), forwardsOf(out, ben), forwardsOf(member('ben'), undefined)]).toEqual([ben.forwarding, [], []]);
  expect([passes('forwarded', member('ben'), ben), passes('forwarded', out, ben)]).toEqual([true, false]);
  for (const number of ['110', '106']) expect([finds(searchFor(number), member('ben'), ben, calling), finds(searchFor(number), out, ben, calling)]).toEqual([true, false]);
  expect(finds(searchFor('102'), out, ben, calling)).toBe(true);
});

test('who is a member where is as before when something else of a group has changed', () => {
  const group = (id: string, ...people: string[]) => ({ id, members: people.map(member), unstaffed: false }) as unknown as Group;
  const rosters = rostersOf([group('sales', 'ben', 'fatma'), group('help', 'ben')]);
  expect(rostersOf([{ ...group('sales', 'ben', 'fatma'), unstaffed: true }, group('help', 'ben')])).toBe(rosters);
  expect(rostersOf([group('sales', 'ben'), group('help', 'ben')])).not.toBe(rosters);
  expect(placesOf(rosters)).toEqual(new Map([['ben', ['sales', 'help']], ['fatma', ['sales']]]));
});

const call = (id: string, second: number, state: Call['state'] = 'ringing'): Call => ({
  id, caller_call: id, state, since: `2026-01-01T00:00:${String(second).padStart(2, '0')}.000Z`, ended_at: state === 'ringing' ? '' : `2026-01-01T00:01:${String(second).padStart(2, '0')}.000Z`,
  caller: { number: '106', name: '', withheld: false }, dialled: '102', via: [], ringing: [], rang: [], answered_by: '', picked_up_by: '', on_behalf_of: '', picking_up_by: '', answered_by_name: '', picked_up_by_name: '', on_behalf_of_name: '', picking_up_by_name: '',
});
const told = (rows: Call[]): string => rows.map((c) => (c.state === 'ringing' ? c.id : `${c.id} ${c.state}`)).join(', ');

test('a call that is over keeps its place for a moment, and of many the newest ends are told', () => {
  const ends = [1, 2, 3, 4, 5, 6, 7].map((n) => call(`e${n}`, n, 'answered'));
  expect(told(rowsOf([call('a', 9), call('b', 0)], ends.slice(0, 1), [], false))).toBe('b, e1 answered, a');
  expect(rowsOf([call('a', 9)], ends, [], false).map((c) => c.id)).toEqual(['e2', 'e3', 'e4', 'e5', 'e6', 'e7', 'a']);
});

test('while somebody points at the rows none goes from above another', () => {
  const before = [call('gone', 1, 'answered'), call('unseen', 2), call('a', 3)];
  expect(told(rowsOf([call('a', 3), call('new', 4)], [], before, true))).toBe('gone answered, unseen withdrawn, a, new');
  expect(told(rowsOf([call('a', 3)], [], before, false))).toBe('a');
  expect(told(rowsOf([], [], before, true))).toBe('');
  const many = Array.from({ length: 30 }, (_, n) => call(`e${n}`, n, 'abandoned'));
  expect(rowsOf([call('a', 40)], many, many, true)).toHaveLength(1 + 6 + 12);
});
