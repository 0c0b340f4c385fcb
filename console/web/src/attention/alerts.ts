// Of which calls a person is told: of those that they may pick up and have not begun to pick up (R5, G4), or that somebody else is
// picking up. A call that rings only their own phone is told by that.
import type { Call, Group, Me } from '../api/types';
import type { Language } from '../i18n/languages';
import { concerns } from '../model/rights';
import type { Alert } from './messages';
import { callerIn, pickingIn, wayIn } from './saying';

/** For how long what was seen last is taken for what is. */
export const trust = 2_000;

export interface Ringing {
  account: Me;
  ringing: Call[];
  groups: Map<string, Group>;
  attempts: { has(call: string): boolean };
}

export function toTell(r: Ringing): Call[] {
  return r.ringing.filter((call) => concerns(r.account, call, r.groups) && !r.attempts.has(call.id));
}

/** Whether calls are told to somebody at all: who administers groups sees them, and is told of none. */
export function isTold(person: string, groups: Iterable<Group>): boolean {
  return [...groups].some((g) => g.supervisors.some((s) => s.person === person && s.logged_in));
}

/** Whether calls could be told to somebody, were they logged in. */
export function supervises(person: string, groups: Iterable<Group>): boolean {
  return [...groups].some((g) => g.supervisors.some((s) => s.person === person));
}

/** What somebody is picking up is for nobody else to hurry to. */
export const sounds = (calls: Call[]): boolean => calls.some((call) => !call.picking_up_by);

export interface Telling {
  account: Me;
  nameOf(person: string): string;
  groups: Map<string, Group>;
  language: Language;
  phone: string;
  pickup: boolean;
  silent: boolean;
}

export function alertsOf(calls: Call[], t: Telling): Alert[] {
  const saying = {
    language: t.language,
    me: t.account.id,
    nameOf: t.nameOf,
    groupOf: (id: string) => t.groups.get(id)?.name,
  };
  return calls.map((call) => ({
    call: call.id,
    since: call.since,
    title: callerIn(t.language, call),
    body: call.picking_up_by ? `${wayIn(call, saying)} · ${pickingIn(t.language, call)}` : wayIn(call, saying),
    phone: t.phone,
    pickup: t.pickup && !call.picking_up_by,
    language: t.language,
    silent: t.silent || Boolean(call.picking_up_by),
  }));
}
