// A browser may end a subscription and ask for a new one (Push API, "pushsubscriptionchange").
import { request } from '../api/client';
import { keyBytes } from '../attention/push';

/** What has changed. Some browsers have a new one already, and some say which the old one was. */
export interface Change {
  oldSubscription?: PushSubscription | null;
  newSubscription?: PushSubscription | null;
}

export async function again(manager: PushManager, change: Change): Promise<void> {
  const answer = await request<{ public_key: string }>('GET', '/me/push');
  if (!answer.ok) return; // Nobody is signed in. A page makes a new one when somebody is.
  const subscription = change.newSubscription ?? (await manager.subscribe({ userVisibleOnly: true, applicationServerKey: keyBytes(answer.data.public_key) }));
  const taken = await request('PUT', '/me/push', subscription.toJSON());
  const old = change.oldSubscription?.endpoint;
  if (taken.ok && old && old !== subscription.endpoint) await request('DELETE', '/me/push', { endpoint: old });
}
