// The documents of docs/openapi.json, by hand: they are few, and types.test.ts holds them against it.

export const presenceStates = ['online', 'busy', 'away', 'dnd', 'offline'] as const;
export const presenceSources = ['call', 'unsupervised_endpoint', 'web_call', 'dnd', 'client', 'endpoint'] as const;
export const forwardKinds = ['always', 'busy', 'no_answer', 'phone'] as const;
export const sipStates = ['unknown', 'alive', 'silent'] as const;
export const callStates = [
  'ringing', 'answered', 'picked_up', 'answered_elsewhere', 'declined', 'abandoned', 'diverted', 'no_answer', 'withdrawn', 'lost',
] as const;
export const bars = ['', 'not_mutual_aid', 'may_not_leave', 'last_member', 'unavailable'] as const;
export const viaKinds = ['ring_group', 'queue', 'forward'] as const;
export const noticeTypes = [
  'call.picked_up', 'group.joined', 'group.left', 'forwarding.changed', 'dnd.changed', 'pickup.refused', 'pickup.calling', 'pickup.connecting',
] as const;

export type PresenceState = (typeof presenceStates)[number];
export type ForwardKind = (typeof forwardKinds)[number];
export type SettableKind = Exclude<ForwardKind, 'phone'>;
export type CallState = (typeof callStates)[number];
export type Lock = 'off' | 'person' | 'role';
export type Warning = '' | 'not_connected';
export type Bar = (typeof bars)[number];

export interface Presence { state: PresenceState; since: string; source: (typeof presenceSources)[number] }
export interface Forward {
  kind: ForwardKind; target: string; target_name: string; effective: string; effective_name: string; loop: boolean; after_seconds: number; since: string; set_by: string;
}
/** One of somebody's phones; of others than oneself none is told. */
export interface Phone { endpoint: string; reachable: boolean }
export interface Person {
  id: string; name: string; extension: string; reachable: boolean; phones: Phone[]; presence: Presence; dnd: boolean; forwarding: Forward[]; calls: string[];
}
export interface Supervisor { person: string; name: string; admin: boolean; may_leave: boolean; logged_in: boolean; warning: Warning; bar: Bar }
export interface Member {
  person: string; name: string; may_leave: boolean; logged_in: boolean; status: 'logged_out' | 'logged_in' | 'ringing'; warning: Warning; bar: Bar;
}
export interface Group {
  id: string; name: string; number: string; type: 'standard' | 'mutual_aid'; lock_last: Lock; unstaffed: boolean;
  supervisors: Supervisor[]; members: Member[]; ringing: string[];
}
export interface Membership {
  id: string; name: string; number: string; lock_last: Lock; logged_in: boolean; may_leave: boolean; bar: Bar; count: number; connected: number;
}
export interface Caller { number: string; name: string; withheld: boolean }
export interface Via { kind: (typeof viaKinds)[number]; number: string; name: string }
/** The name is the one at the time; what the history has of before it was told has none. */
export interface RingingPart { person: string; name: string; groups: string[] }
export interface Call {
  id: string; caller_call: string; state: CallState; since: string; ended_at: string; caller: Caller; dialled: string; via: Via[];
  ringing: RingingPart[]; rang: RingingPart[]; answered_by: string; picked_up_by: string; on_behalf_of: string; picking_up_by: string;
  answered_by_name: string; picked_up_by_name: string; on_behalf_of_name: string; picking_up_by_name: string;
}
export type SIPState = (typeof sipStates)[number];
export interface PBX { connected: boolean; since: string; version: string; sip: SIPState }
/** Where the logins and the history are. */
export interface NATS { connected: boolean; since: string }
export interface Site { id: string; pbx: PBX; nats: NATS; epoch: number; alive_until: string }
export interface View {
  seq: number; site: Site; me: Person; memberships: Membership[]; groups: Group[]; people: Person[]; calls: Call[];
}
export interface By { person: string; name: string; via: 'phone' | 'http' | 'nats' | 'config' }
export interface Notice {
  type: (typeof noticeTypes)[number]; at: string; entity: string; by: By; forced: boolean; document: unknown;
}
export interface PickupProgress { call: string; on_behalf_of: string; endpoint: string }
export interface PickedUp { ok: boolean; changed: boolean; call: string; on_behalf_of: string; on_behalf_of_name: string }
export interface MyPhone { endpoint: string; label: string; default: boolean; auto_answer: string }
export interface Forwarding { kinds: SettableKind[]; after_seconds: boolean }
export interface Me {
  id: string; name: string; extension: string; language: string; admin: boolean; endpoints: MyPhone[]; forwarding: Forwarding; dnd: boolean;
  signed_in: 'session' | 'token'; expires_at: string;
}
export interface SignInWays { password: boolean; provider: string }
export interface HistoryEvent {
  type: string; time: string; subject: string; id: string; document: unknown; before?: unknown; person?: string; by?: By; forced?: boolean;
}
export interface History { events: HistoryEvent[]; more: boolean; next: string }
export interface Problem { status: number; code: string; detail: string; details: Record<string, string> }
