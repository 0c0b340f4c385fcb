import { expect, test } from 'vitest';
import { en } from './en';
import { age, choose, counted, isolated, languages, text, type Language } from './languages';

const placeholders = (s: string) => (s.match(/\{\w+\}/g) ?? []).sort();

test.each(Object.keys(languages) as Language[])('%s says everything, with the same values', (language) => {
  for (const [key, english] of Object.entries(en)) {
    const there = languages[language][key as keyof typeof en];
    expect(there, key).not.toBe('');
    expect([...new Set(placeholders(there))], key).toEqual([...new Set(placeholders(english))]);
  }
});

// French has a blank that does not break before its colons, and no other language one before three dots but German.
test('dots and colons stand as each language has them', () => {
  for (const said of Object.values(languages.fr)) expect(said).not.toMatch(/ [:;?!»]|« /);
  for (const language of ['en', 'fr', 'es'] as const) expect(Object.values(languages[language]).join()).not.toContain(' …');
});

test('a language is chosen by its first part', () => {
  expect(choose('xx', 'fr-CH')).toBe('fr');
  expect(choose('en_GB')).toBe('en');
  expect(choose(undefined, '')).toBe('en');
  expect(choose(undefined, '', 'de-AT', 'en')).toBe('de');
  expect(choose('es', 'fr', 'de')).toBe('es');
  expect(choose('constructor', 'toString', 'fr')).toBe('fr');
});

test('what is filled in is never read as a pattern', () => {
  expect(text('en', 'over.answered', { person: '{by} $& <b>' })).toBe('{by} $& <b> answered');
});

test('numbers have their forms', () => {
  expect(counted('de', 'calls.count', 1)).toBe('1 Anruf klingelt');
  expect(counted('fr', 'calls.count', 2)).toBe('2 appels sonnent');
});

test('ages are short', () => {
  expect(age('en', 7_400, true)).toBe('7 sec');
  expect(age('en', 125_000, true)).toBe('2:05 min');
  expect(age('en', 30_000, false)).toBe('< 1 min');
  expect(age('de', 7_300_000, false)).toContain('2');
});

test('a name keeps its direction to itself, closes what it opens, and nothing else', () => {
  for (const plain of ['Fatma Aydın', '+49 30 (5)', '漢字 🔔', '<b>', '']) expect(isolated(plain)).toBe(plain);
  expect(isolated('שלום')).toBe('\u2068שלום\u2069');
  expect(isolated('\u202egnitsop')).toBe('\u2068\u202egnitsop\u2069');
  expect(isolated('\u2069\u202ex')).toBe('\u2068\u202ex\u2069');
  expect(isolated('\u2067a\u2066b\u2069')).toBe('\u2068\u2067a\u2066b\u2069\u2069\u2069');
  expect(text('en', 'over.picked_up', { by: 'مريم', person: 'Ben' })).toBe('\u2068مريم\u2069 picked up for Ben');
});
