import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as t from './types';

type Fields<T> = Record<keyof T, true>;

// The compiler holds these lists against the types, and the test holds them against what the daemon publishes.
const fields = {
  Presence: { state: true, since: true, source: true } satisfies Fields<t.Presence>,
  Forward: { kind: true, target: true, target_name: true, effective: true, effective_name: true, loop: true, after_seconds: true, since: true, set_by: true } satisfies Fields<t.Forward>,
  Phone: { endpoint: true, reachable: true } satisfies Fields<t.Phone>,
  Person: { id: true, name: true, extension: true, reachable: true, phones: true, presence: true, dnd: true, forwarding: true, calls: true } satisfies Fields<t.Person>,
  Supervisor: { person: true, name: true, admin: true, may_leave: true, logged_in: true, warning: true, bar: true } satisfies Fields<t.Supervisor>,
  Member: { person: true, name: true, may_leave: true, logged_in: true, status: true, warning: true, bar: true } satisfies Fields<t.Member>,
  Group: { id: true, name: true, number: true, type: true, lock_last: true, unstaffed: true, supervisors: true, members: true, ringing: true } satisfies Fields<t.Group>,
  Membership: { id: true, name: true, number: true, lock_last: true, logged_in: true, may_leave: true, bar: true, count: true, connected: true } satisfies Fields<t.Membership>,
  Caller: { number: true, name: true, withheld: true } satisfies Fields<t.Caller>,
  Via: { kind: true, number: true, name: true } satisfies Fields<t.Via>,
  RingingPart: { person: true, name: true, groups: true } satisfies Fields<t.RingingPart>,
  Call: {
    id: true, caller_call: true, state: true, since: true, ended_at: true, caller: true, dialled: true, via: true,
    ringing: true, rang: true, answered_by: true, picked_up_by: true, on_behalf_of: true, picking_up_by: true,
    answered_by_name: true, picked_up_by_name: true, on_behalf_of_name: true, picking_up_by_name: true,
  } satisfies Fields<t.Call>,
  PBX: { connected: true, since: true, version: true, sip: true } satisfies Fields<t.PBX>,
  NATS: { connected: true, since: true } satisfies Fields<t.NATS>,
  Site: { id: true, pbx: true, nats: true, epoch: true, alive_until: true } satisfies Fields<t.Site>,
  View: { seq: true, site: true, me: true, memberships: true, groups: true, people: true, calls: true } satisfies Fields<t.View>,
  By: { person: true, name: true, via: true } satisfies Fields<t.By>,
  Notice: { type: true, at: true, entity: true, by: true, forced: true, document: true } satisfies Fields<t.Notice>,
  PickedUp: { ok: true, changed: true, call: true, on_behalf_of: true, on_behalf_of_name: true } satisfies Fields<t.PickedUp>,
  MyPhone: { endpoint: true, label: true, default: true, auto_answer: true } satisfies Fields<t.MyPhone>,
  Forwarding: { kinds: true, after_seconds: true } satisfies Fields<t.Forwarding>,
  Me: {
    id: true, name: true, extension: true, language: true, admin: true, endpoints: true, forwarding: true, dnd: true, signed_in: true, expires_at: true,
  } satisfies Fields<t.Me>,
  SignInWays: { password: true, provider: true } satisfies Fields<t.SignInWays>,
  HistoryEvent: { type: true, time: true, subject: true, id: true, document: true, before: true, person: true, by: true, forced: true } satisfies Fields<t.HistoryEvent>,
  History: { events: true, more: true, next: true } satisfies Fields<t.History>,
};

interface Schema { properties: Record<string, { enum?: string[] }> }
const openapi = JSON.parse(readFileSync(new URL('../../../../docs/openapi.json', import.meta.url), 'utf8')) as {
  components: { schemas: Record<string, Schema> };
};
const schemas = openapi.components.schemas;

test.each(Object.entries(fields))('%s has the fields that the API describes', (name, have) => {
  expect(Object.keys(have).sort()).toEqual(Object.keys(schemas[name]!.properties).sort());
});

test.each([
  ['Presence', 'state', t.presenceStates],
  ['Presence', 'source', t.presenceSources],
  ['Forward', 'kind', t.forwardKinds],
  ['Call', 'state', t.callStates],
  ['Member', 'bar', t.bars],
  ['Supervisor', 'bar', t.bars],
  ['Via', 'kind', t.viaKinds],
  ['PBX', 'sip', t.sipStates],
  ['Notice', 'type', t.noticeTypes],
] as const)('%s.%s has the values that the API describes', (name, field, have) => {
  expect([...have].sort()).toEqual([...schemas[name]!.properties[field]!.enum!].sort());
});
