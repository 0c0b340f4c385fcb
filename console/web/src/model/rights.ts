// Who may do what, told from what is shown: no button is offered that would be refused. The daemon judges all the same.
import type { Bar, Call, Group, Me, Member, MyPhone, Person, Supervisor } from '../api/types';

export type Actor = Pick<Me, 'id' | 'admin' | 'forwarding'>;

const entry = (group: Group, person: string): Supervisor | undefined => group.supervisors.find((s) => s.person === person);

export function administers(actor: Actor, group: Group): boolean {
  return actor.admin || entry(group, actor.id)?.admin === true;
}

/** Nobody picks up what somebody is picking up (P2, P4). */
export function mayPickUp(actor: Actor, call: Call, groups: Map<string, Group>): boolean {
  return !call.picking_up_by && concerns(actor, call, groups);
}

/** P1: in a group where I am logged in as supervisor, it rings a member other than me. */
export function concerns(actor: Actor, call: Call, groups: Map<string, Group>): boolean {
  return (
    call.state === 'ringing' &&
    call.ringing.some(
      (part) =>
        part.person !== actor.id &&
        part.groups.some((id) => {
          const group = groups.get(id);
          return group !== undefined && entry(group, actor.id)?.logged_in === true;
        }),
    )
  );
}

/** The phone that a pickup calls: the one chosen in this browser, as long as it is mine; otherwise the default of the configuration (P3). */
export function phoneToCall(phones: MyPhone[], chosen: string): MyPhone | undefined {
  return phones.find((p) => p.endpoint === chosen) ?? phones.find((p) => p.default) ?? phones[0];
}

/** Whether a phone of mine is said not to be connected. */
export function isAway(phone: MyPhone, me: Pick<Person, 'phones'> | undefined): boolean {
  return me?.phones.some((p) => p.endpoint === phone.endpoint && !p.reachable) ?? false;
}

/**
 * Why a pickup would be refused whichever call it is for: my phone is called for one, and can be called for one at a time (P3, P7).
 * choose: it is not connected, and another is.
 */
export type Hindrance = '' | 'another' | 'no_phone' | 'not_connected' | 'choose' | 'dnd';

export function hindranceOf(phones: MyPhone[], chosen: string, me: Pick<Person, 'phones' | 'dnd'> | undefined, attempts: number): Hindrance {
  if (attempts > 0) return 'another';
  const phone = phoneToCall(phones, chosen);
  if (!phone) return 'no_phone';
  if (isAway(phone, me)) return phones.every((p) => isAway(p, me)) ? 'not_connected' : 'choose';
  return me?.dnd ? 'dnd' : '';
}

/** F4, G4: through groups in which that person is logged in as a member. */
function shownIn(person: string, groups: Iterable<Group>): Group[] {
  return [...groups].filter((g) => g.members.some((m) => m.person === person && m.logged_in));
}

export function mayCancelForward(actor: Actor, person: Person, groups: Iterable<Group>): boolean {
  return person.id === actor.id || shownIn(person.id, groups).some((g) => actor.admin || entry(g, actor.id) !== undefined);
}

/** F1, F4: what the PBX has no place for, and what leads nowhere that is allowed, can be set for nobody. */
export function maySetForward(actor: Actor, person: Person, groups: Iterable<Group>): boolean {
  if (actor.forwarding.kinds.length === 0) return false;
  return person.id === actor.id || shownIn(person.id, groups).some((g) => administers(actor, g));
}

/**
 * G8: whether I log others in and out there. Why it cannot be done with somebody now is told with them (`bar`), by whom it would be
 * refused: no rule of logins is judged here.
 */
export function mayForce(actor: Actor, group: Group, person: string): boolean {
  return person !== actor.id && group.type === 'mutual_aid' && administers(actor, group);
}

/** What a group says of somebody's login, in whatever role: it is one. */
export function loginOf(group: Group, person: string): Supervisor | Member | undefined {
  return group.members.find((m) => m.person === person) ?? entry(group, person);
}

/** Why what a dialog asks about cannot be done any more: it is not shown to me any more, they have logged out, it is not mine to do. */
export type Lapse = Bar | 'gone' | 'logged_out' | 'not_admin' | 'unsupported';

export function forceOutLapse(actor: Actor, group: Group | undefined, person: string): Lapse {
  const login = group && loginOf(group, person);
  if (!login) return 'gone';
  if (!mayForce(actor, group, person)) return group.type === 'mutual_aid' ? 'not_admin' : 'not_mutual_aid';
  return login.logged_in ? login.bar : 'logged_out';
}

/** groups are those in which they are a member. */
export function setForwardLapse(actor: Actor, person: Person | undefined, groups: Group[]): Lapse {
  if (!person || (person.id !== actor.id && groups.length === 0)) return 'gone';
  if (maySetForward(actor, person, groups)) return '';
  if (actor.forwarding.kinds.length === 0) return 'unsupported';
  return groups.some((g) => administers(actor, g)) ? 'logged_out' : 'not_admin';
}
