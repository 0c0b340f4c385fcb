import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { en } from '../i18n/en';
import { wordsOf } from './refusals';

const refusal = (code: string, details: Record<string, string> = {}) => ({ status: 409, code, detail: 'x', details, retryAfter: 0 });
const page = readFileSync(new URL('../../../../docs/semantics.md', import.meta.url), 'utf8').split('## The codes')[1]!;
const [codes, reasons] = page.split('| reason |') as [string, string];
const first = (table: string) => [...table.matchAll(/^\| `(\w+)` \|/gm)].map((m) => m[1]!);

test.each(first(codes))('%s is said in words', (code) => {
  expect(en).toHaveProperty([`refused.${code}`]);
  expect(wordsOf(refusal(code), (id) => id).key).toBe(`refused.${code}`);
});

test.each(first(reasons).filter((r) => r !== 'kind'))('the reason %s is said in words', (reason) => {
  expect(wordsOf(refusal('destination_refused', { reason }), (id) => id).key).toBe(`refused.destination.${reason}`);
});

test('who has the call is named', () => {
  expect(wordsOf(refusal('already_taken', { by: 'emil' }), () => 'Emil').values).toEqual({ by: 'Emil' });
  expect(wordsOf(refusal('already_taken', { by: 'emil', by_name: 'Emil Novak' }), (id) => id).values).toEqual({ by: 'Emil Novak' });
});

test('the end of the session is said as such, and nothing in the words of the server', () => {
  expect(wordsOf(refusal('unauthorized'), (id) => id).key).toBe('signin.ended');
  expect(wordsOf({ ...refusal('invalid'), detail: 'the body is not JSON' }, (id) => id)).toEqual({ key: 'refused.invalid', values: {} });
});

test('that something may have been done is not said to be impossible', () => {
  for (const code of ['unavailable', 'pbx_unavailable']) expect(wordsOf(refusal(code, { unknown: 'true' }), (id) => id).key).toBe('refused.unknown');
});

test('which lock somebody has to stay for is named', () => {
  const key = (lock: string) => wordsOf(refusal('last_member', { lock }), (id) => id).key;
  expect([key('person'), key('role')]).toEqual(['refused.last_member', 'refused.last_member.role']);
});

test('the phone that did not take a pickup is named', () => {
  const desk = { endpoint: 'PJSIP/101', label: 'Desk' };
  expect(wordsOf(refusal('unreachable', desk), (id) => id)).toEqual({ key: 'refused.unreachable.phone', values: { phone: 'Desk' } });
  expect(wordsOf(refusal('no_answer', { endpoint: 'PJSIP/101' }), (id) => id)).toEqual({ key: 'refused.no_answer.phone', values: { phone: 'PJSIP/101' } });
  expect(wordsOf(refusal('of_tomorrow', desk), (id) => id).key).toBe('refused.unavailable');
});

test('a code of tomorrow is said too', () => {
  expect(wordsOf(refusal('of_tomorrow'), (id) => id).key).toBe('refused.unavailable');
});
