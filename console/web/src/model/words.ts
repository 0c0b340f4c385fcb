// Calls and forwards in words.
import type { Bar, Call, Forward, Lock, MyPhone } from '../api/types';
import type { Board } from './board.svelte';
import { isolated } from '../i18n/languages';
import { n, t } from './prefs.svelte';
import type { Lapse } from './rights';

/** The caller in one piece: the name, otherwise the number. */
export function callerOf(call: Call): string {
  if (call.caller.withheld) return t('calls.withheld');
  return call.caller.name || call.caller.number || t('calls.unknown');
}

/** What its owner calls a phone, otherwise what the PBX does. */
export const phoneName = (phone: MyPhone): string => phone.label || phone.endpoint;

/** Why nothing can be picked up now. Nothing to say of: it can. */
export function hinderedIn(board: Board): string {
  return board.hindrance && t(`pickup.not.${board.hindrance}`, { phone: board.phone ? phoneName(board.phone) : '' });
}

/** How many are told by name. */
export const namedMost = 2;

/** For whom it rings, the longest first: two, and how many more. */
export function whom(call: Call, board: Board): { named: { id: string; name: string }[]; more: string } {
  const parts = call.ringing.length > 0 ? call.ringing : call.rang;
  const named = parts.slice(0, namedMost).map((p) => ({ id: p.person, name: p.person === board.account.id ? t('calls.you') : p.name || board.nameOf(p.person) }));
  return { named, more: parts.length > namedMost ? n('calls.more', parts.length - namedMost) : '' };
}

export function forWhom(call: Call, board: Board): string {
  const { named, more } = whom(call, board);
  return `${named.map((p) => isolated(p.name)).join(', ')} ${more}`.trimEnd();
}

/** The way of a call: stations, and the number dialled where that is not whom it rings. */
export function wayOf(call: Call, board: Board): string[] {
  const way = call.via.map((v) => t(`calls.via.${v.kind}`, { number: v.name || (v.kind === 'forward' && ownerOf(v.number, board)) || v.number }));
  const numbers = call.ringing.map((p) => board.personOf(p.person)?.extension);
  const named = call.via.some((v) => v.number === call.dialled);
  if (call.dialled && !numbers.includes(call.dialled) && !named) way.push(t('calls.dialled', { number: call.dialled }));
  return way;
}

/** Whose line a number is, where it is known. */
function ownerOf(number: string, board: Board): string {
  const person = [...board.tables.people.values()].find((p) => p.extension === number);
  return person ? `${isolated(person.name)} (${number})` : '';
}

/** How a call ended, and who has it: by the names that it has of them itself, for they need not be among those whom I see. */
export function endOf(call: Call, board: Pick<Board, 'nameOf'>): string {
  switch (call.state) {
    case 'ringing':
      return '';
    case 'answered':
      return t('over.answered', { person: call.answered_by_name || board.nameOf(call.answered_by) });
    case 'picked_up':
      return t('over.picked_up', { by: call.picked_up_by_name || board.nameOf(call.picked_up_by), person: call.on_behalf_of_name || board.nameOf(call.on_behalf_of) });
    default:
      return t(`over.${call.state}`);
  }
}

/** Why a login cannot be changed now; empty: it can. */
export function barOf(bar: Bar, lock: Lock): string {
  switch (bar) {
    case '':
      return '';
    case 'last_member':
      return t(lock === 'role' ? 'bar.last_role' : 'bar.last_person');
    case 'not_mutual_aid':
      return t('refused.not_mutual_aid');
    default:
      return t(`bar.${bar}`);
  }
}

/** Why what a dialog asks about cannot be done any more; empty: it can. */
export function lapseOf(lapse: Lapse, person: string, lock: Lock = 'off'): string {
  switch (lapse) {
    case 'gone':
      return t('refused.not_found');
    case 'logged_out':
      return t('bar.logged_out', { person });
    case 'not_admin':
      return t('refused.not_admin');
    case 'unsupported':
      return t('refused.destination.unsupported');
    default:
      return barOf(lapse, lock);
  }
}

/** A number, and whose it is. What the history has of before that was told has no name. */
const named = (number: string, name: string | undefined): string => (name ? `${number} (${isolated(name)})` : number);

export function forwardOf(f: Forward): string {
  const parts = [t(`forward.${f.kind}`, { target: named(f.target, f.target_name) })];
  if (f.after_seconds > 0) parts.push(t('forward.after', { seconds: f.after_seconds }));
  if (f.loop) parts.push(t('forward.loop'));
  else if (f.effective && f.effective !== f.target) parts.push(t('forward.ends', { target: named(f.effective, f.effective_name) }));
  return parts.join(', ');
}
