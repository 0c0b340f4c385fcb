// Who may do what, told from what is shown: no button is offered that would be refused. The daemon judges all the same.
import type { Call, Group, Me, Membership, Person, Supervisor } from '../api/types';

export type Actor = Pick<Me, 'id' | 'admin' | 'forwarding'>;

const entry = (group: Group, person: string): Supervisor | undefined => group.supervisors.find((s) => s.person === person);

export function administers(actor: Actor, group: Group): boolean {
  return actor.admin || entry(group, actor.id)?.admin === true;
}

/** P1: in a group where I am logged in as supervisor, it rings a member other than me. */
export function mayPickUp(actor: Actor, call: Call, groups: Map<string, Group>): boolean {
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

/** Why somebody may not be logged in or out. */
export type Bar = 'not_mutual_aid' | 'not_admin' | 'may_not_leave' | 'last_person' | 'last_role';

export function forceBar(actor: Actor, group: Group, person: string): Bar | undefined {
  if (group.type !== 'mutual_aid') return 'not_mutual_aid';
  if (!administers(actor, group)) return 'not_admin';
  const roles = [group.supervisors, group.members].map((list) => list as { person: string; may_leave: boolean; logged_in: boolean; warning: string }[]);
  const own = roles.flatMap((list) => list.filter((p) => p.person === person));
  if (!own.some((p) => p.logged_in)) return undefined; // in is always possible
  return own.some((p) => !p.may_leave) ? 'may_not_leave' : lockBar(group, person);
}

/** G6: who must stay, as the group's document tells. */
export function lockBar(group: Group, person: string): Bar | undefined {
  const staffed = (list: { person: string; logged_in: boolean; warning: string }[]) =>
    list.some((p) => p.person !== person && p.logged_in && p.warning === '');
  const within = (list: { person: string }[]) => list.some((p) => p.person === person);
  switch (group.lock_last) {
    case 'person':
      return staffed(group.supervisors) || staffed(group.members) ? undefined : 'last_person';
    case 'role':
      return (within(group.supervisors) && !staffed(group.supervisors)) || (within(group.members) && !staffed(group.members))
        ? 'last_role'
        : undefined;
    default:
      return undefined;
  }
}

/**
 * Why I may not leave. Of a group that I do not supervise I know how many are connected, and not in which role: a lock by
 * role may still refuse.
 */
export function leaveBar(membership: Membership, me: Person, group: Group | undefined): Bar | undefined {
  if (!membership.logged_in) return undefined;
  if (!membership.may_leave) return 'may_not_leave';
  if (group) return lockBar(group, me.id);
  if (membership.lock_last === 'off') return undefined;
  const others = membership.connected - (me.reachable ? 1 : 0);
  if (others > 0) return undefined;
  return membership.lock_last === 'person' ? 'last_person' : 'last_role';
}
