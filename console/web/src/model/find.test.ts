import { expect, test } from 'vitest';
import { matches, plain } from './find';

test('people are found without accents, and by parts', () => {
  expect(plain('Dr. Weiß José')).toBe('dr. weiss jose');
  expect(matches('weis', 'Dr. Weiß', [])).toBe(true);
  expect(matches('ber ann', 'Anna Berger', [])).toBe(true);
  expect(matches('ann ben', 'Anna Berger', [])).toBe(false);
});

test('people are found by number, however it is written', () => {
  expect(matches('102', 'Ben', ['102'])).toBe(true);
  expect(matches('030 / 555', 'Ben', ['+4930555', '030555'])).toBe(true);
  expect(matches('7', 'Ben', ['102'])).toBe(false);
  expect(matches('', 'Ben', [])).toBe(true);
});
