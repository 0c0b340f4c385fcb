import { expect, test } from 'vitest';
import type { Forward } from '../api/types';
import { filledOf, turned } from './forwards';

const forward = (kind: Forward['kind'], target: string, after_seconds = 0) => ({ kind, target, after_seconds }) as Forward;
const forwards = [forward('phone', '105'), forward('busy', '106'), forward('no_answer', '107', 20)];

test('the number of a kind is shown with that kind only', () => {
  const busy = filledOf(forwards, 'busy');
  expect(busy).toEqual({ target: '106', seconds: null });
  expect(turned(forwards, 'busy', 'no_answer', busy)).toEqual({ target: '107', seconds: 20 });
  expect(turned(forwards, 'busy', 'always', busy)).toEqual({ target: '', seconds: null });
});

test('a number that somebody has typed stays', () => {
  expect(turned(forwards, 'busy', 'no_answer', { target: '111', seconds: null })).toEqual({ target: '111', seconds: null });
});
