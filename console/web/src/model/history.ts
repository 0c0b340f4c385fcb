// What happened, in words.
import type { Call, Forward, Group, HistoryEvent, Person } from '../api/types';
import { isolated } from '../i18n/languages';
import type { Board } from './board.svelte';
import { missed } from './past';
import { age, t } from './prefs.svelte';
import { wordsOf } from './refusals';
import { callerOf, endOf, forwardOf } from './words';

export interface Line { id: string; time: string; text: string; more: string; kind: 'call' | 'missed' | 'login' | 'logout' | 'forward' | 'refused' }

/** An event as a line. That a call began to ring is told by how it ended. */
export function lineOf(e: HistoryEvent, board: Board): Line | undefined {
  const base = { id: e.id, time: e.time };
  const nameOf = namesIn(e, board);
  const person = e.person ? nameOf(e.person) : '';
  const other = e.by && e.by.person && e.by.person !== e.person ? nameOf(e.by.person) : '';
  switch (e.type) {
    case 'call.answered':
    case 'call.picked_up':
    case 'call.ended':
      return { ...base, ...callLine(e.document as Call, board.account.id, nameOf) };
    case 'group.joined':
    case 'group.left': {
      const group = (e.document as Group).name;
      const key = e.type === 'group.joined' ? 'history.joined' : 'history.left';
      return { ...base, kind: e.type === 'group.joined' ? 'login' : 'logout', more: '', text: other ? t(`${key}.by`, { by: other, person, group }) : t(key, { person, group }) };
    }
    case 'forwarding.changed': {
      const list = (e.document as { forwarding: Forward[] }).forwarding.map(forwardOf);
      const words = { by: other, person, forwards: list.join('; ') || t('history.forward.none') };
      return { ...base, kind: 'forward', more: '', text: t(other ? 'history.forwarded.by' : 'history.forwarded', words) };
    }
    case 'pickup.refused': {
      const { code, message } = e.document as { code: string; message: string };
      const { key, values } = wordsOf({ status: 0, code, detail: message, details: {}, retryAfter: 0 }, board.nameOf);
      return { ...base, kind: 'refused', more: '', text: t('history.refused', { person, reason: t(key, values) }) };
    }
    default:
      return undefined;
  }
}

/**
 * The names at the time, which the event has itself: who has left since is named too, and a member sees nobody but themselves. Who is not
 * in it, or stands in it without a name, as it was once recorded, has the name of now.
 */
function namesIn(e: HistoryEvent, board: Pick<Board, 'nameOf'>): Board['nameOf'] {
  const { members, supervisors, ringing, rang, id, name } = e.document as Partial<Group & Call & Person>;
  const named = new Map<string, string>();
  for (const entry of [members, supervisors, ringing, rang].flat()) {
    if (entry && typeof entry !== 'string' && entry.name) named.set(entry.person, entry.name);
  }
  if (e.type === 'forwarding.changed' && id && name) named.set(id, name);
  if (e.by?.name) named.set(e.by.person, e.by.name);
  return (who) => named.get(who) ?? board.nameOf(who);
}

function callLine(call: Call, me: string, nameOf: Board['nameOf']): Pick<Line, 'text' | 'more' | 'kind'> {
  const rang = call.rang.map((p) => p.person);
  const rangFor = Date.parse(call.ended_at) - Date.parse(call.since);
  const number = call.caller.name && call.caller.number ? ` (${call.caller.number})` : '';
  return {
    kind: missed(call, me) ? 'missed' : 'call',
    text: t('history.call', { caller: isolated(callerOf(call)) + number, person: rang.map((id) => isolated(nameOf(id))).join(', ') }),
    more: `${endOf(call, { nameOf })} · ${t('history.rang', { age: age(rangFor, true) })}`,
  };
}
