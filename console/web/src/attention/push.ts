// Web Push: messages that reach this browser while no page is open.
import { request, type Refusal } from '../api/client';

export type PushState =
  /** This browser has none, or not on this address. */
  | 'unsupported'
  /** On an iPhone or iPad it has none before the page is on the home screen. */
  | 'install'
  | 'off'
  | 'on';
/** failed: the browser did not get a subscription. Otherwise the daemon did not take it. */
export type PushResult = { state: PushState } | { failed: 'browser' } | { refused: Refusal };

/** endpoints: of the subscriptions of this session that the daemon has. */
interface Offer { public_key: string; subscriptions: number; endpoints: string[] }

/** The bytes of base64url (RFC 4648, 5). */
export function keyBytes(key: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(key.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
}

export function sameKey(have: ArrayBuffer | null | undefined, want: Uint8Array): boolean {
  const bytes = new Uint8Array(have ?? new ArrayBuffer(0));
  return bytes.length === want.length && bytes.every((b, i) => b === want[i]);
}

/** Whether there is Web Push here, told from what the browser has. iPads say that they are Macs. */
export function support(has: { push: boolean; agent: string; touch: number; installed: boolean }): 'install' | 'unsupported' | undefined {
  if (has.push) return undefined;
  const apple = /iPhone|iPad/.test(has.agent) || (/Macintosh/.test(has.agent) && has.touch > 1);
  return apple && !has.installed ? 'install' : 'unsupported';
}

/** Turns it on: a subscription for the daemon's key, which the daemon then takes. Asking again changes nothing. */
export async function subscribe(registration: ServiceWorkerRegistration): Promise<PushResult> {
  const offer = await request<Offer>('GET', '/me/push');
  if (!offer.ok) return { refused: offer.problem };
  const key = keyBytes(offer.data.public_key);
  let subscription: PushSubscription;
  try {
    const there = await registration.pushManager.getSubscription();
    const fits = there !== null && sameKey(there.options.applicationServerKey, key);
    if (there && !fits) await there.unsubscribe();
    subscription = there && fits ? there : await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  } catch {
    return { failed: 'browser' };
  }
  const taken = await request('PUT', '/me/push', subscription.toJSON());
  if (taken.ok) return { state: 'on' };
  await subscription.unsubscribe().catch(() => false);
  return { refused: taken.problem };
}

/** Whether the daemon has this browser's subscription; undefined: it cannot be asked. */
export async function holds(registration: ServiceWorkerRegistration): Promise<boolean | undefined> {
  const offer = await request<Offer>('GET', '/me/push');
  if (!offer.ok) return undefined;
  const there = await registration.pushManager.getSubscription().catch(() => null);
  return there !== null && offer.data.endpoints.includes(there.endpoint);
}

/** Lets go of a subscription that the push service does not know any more: the next one is new. */
export async function discard(registration: ServiceWorkerRegistration): Promise<void> {
  const there = await registration.pushManager.getSubscription().catch(() => null);
  await there?.unsubscribe().catch(() => false);
}

/** Turns it off, in the browser also if the daemon cannot be asked: then its next message finds nobody, and it forgets. */
export async function unsubscribe(registration: ServiceWorkerRegistration): Promise<void> {
  const there = await registration.pushManager.getSubscription().catch(() => null);
  if (!there) return;
  await request('DELETE', '/me/push', { endpoint: there.endpoint });
  await there.unsubscribe().catch(() => false);
}
