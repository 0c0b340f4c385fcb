// Refusals in words: each code of docs/semantics.md and docs/http.md has its own.
import type { Refusal } from '../api/client';
import { en, type Key } from '../i18n/en';
import type { Values } from '../i18n/languages';

export interface Words { key: Key; values: Values }

const same = ['forbidden', 'cross_origin'];

export function wordsOf(refusal: Refusal, nameOf: (id: string) => string): Words {
  const { code, details } = refusal;
  const reason = `refused.destination.${details['reason'] ?? ''}`;
  if ((code === 'destination_refused' || code === 'invalid') && reason in en) return { key: reason as Key, values: {} };
  if (code === 'already_taken' && details['by']) return { key: 'refused.already_taken.by', values: { by: details['by_name'] || nameOf(details['by']) } };
  if (code === 'too_many_requests' || code === 'too_many_attempts') {
    return { key: 'refused.too_many', values: { seconds: Math.max(1, refusal.retryAfter) } };
  }
  if (details['unknown']) return { key: 'refused.unknown', values: {} };
  if (code === 'last_member' && details['lock'] === 'role') return { key: 'refused.last_member.role', values: {} };
  // Which phone it was: I may have several, and choose another.
  const ofPhone = `refused.${code}.phone`;
  if (details['endpoint'] && ofPhone in en) return { key: ofPhone as Key, values: { phone: details['label'] || details['endpoint'] } };
  // The session has ended; the sign-in says the same.
  if (code === 'unauthorized') return { key: 'signin.ended', values: {} };
  if (same.includes(code)) return { key: 'refused.forbidden', values: {} };
  const key = `refused.${code}`;
  return { key: key in en ? (key as Key) : 'refused.unavailable', values: {} };
}
