// What a person can do. Each says that it was done, or in words why not.
import { paths, request, type Answer, type Refusal } from '../api/client';
import type { Call, Group, Person, PickedUp, SettableKind } from '../api/types';
import type { Board } from './board.svelte';
import { prefs, t } from './prefs.svelte';
import { wordsOf } from './refusals';
import { toasts } from './toasts.svelte';

export function inWords(refusal: Refusal, board: Board): string {
  if (refusal.code === 'unauthorized') void board.askWho(); // it may have been the session before
  const { key, values } = wordsOf(refusal, board.nameOf);
  return t(key, values);
}

async function say(board: Board, answer: Promise<Answer<unknown>>, done: string): Promise<boolean> {
  const a = await answer;
  if (a.ok) toasts.say('done', done);
  else toasts.say('refused', inWords(a.problem, board));
  return a.ok;
}

/** The phone that a pickup calls: the one chosen here, as long as it is mine. None: the default of the configuration. */
export function chosenPhone(board: Board): string | undefined {
  return board.account.endpoints.some((e) => e.endpoint === prefs.phone) ? prefs.phone : undefined;
}

export async function pickUp(board: Board, call: Call): Promise<void> {
  const asked = board.pickups.ask(call.id);
  if (!asked) return;
  const endpoint = chosenPhone(board);
  const a = await request<PickedUp>('POST', paths.pickup(call.id), endpoint ? { endpoint } : {}, asked.signal);
  const awaited = board.pickups.over(asked);
  // Of a line that broke minutes ago nobody wants to hear any more: the call has said long since what became of it.
  if (awaited || a.ok || a.problem.code !== 'offline') pickedUp(board, a);
}

/** What became of a pickup, also of one from a notification. */
export function pickedUp(board: Board, a: Answer<PickedUp>): void {
  if (a.ok) toasts.say('done', t('pickup.done', { person: a.data.on_behalf_of_name }));
  else toasts.say('refused', inWords(a.problem, board));
}

export function login(board: Board, group: { id: string; name: string }, on: boolean): Promise<boolean> {
  return say(board, request('POST', paths.login(group.id, on)), t(on ? 'mine.joined' : 'mine.left', { group: group.name }));
}

export function force(board: Board, group: Group, person: string, on: boolean): Promise<boolean> {
  const words = { person: board.nameOf(person), group: group.name };
  return say(board, request('POST', paths.force(group.id, person, on)), t(on ? 'force.in.done' : 'force.out.done', words));
}

export function cancelForward(board: Board, person: Person, kind: SettableKind, target: string): Promise<boolean> {
  return say(board, request('DELETE', paths.forward(person.id, kind)), t('forward.cancelled', { person: person.name, target }));
}

/** Sets a forward. The refusal is given back, for it belongs into the form. */
export async function setForward(board: Board, person: Person, kind: SettableKind, target: string, seconds: number): Promise<string> {
  const body = seconds > 0 ? { target, after_seconds: seconds } : { target };
  const a = await request('PUT', paths.forward(person.id, kind), body);
  if (!a.ok) return inWords(a.problem, board);
  toasts.say('done', t('forward.saved', { person: person.name, target }));
  return '';
}

export function setDND(board: Board, on: boolean): Promise<boolean> {
  return say(board, request('PUT', paths.dnd(board.account.id), { on }), t(on ? 'mine.dnd.on' : 'mine.dnd.off'));
}
