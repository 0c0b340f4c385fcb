// A browser may end a subscription and ask for a new one (Push API, "pushsubscriptionchange").
import { request } from '../api/client';
import { keyBytes } from '../attention/push';

export async function again(registration: ServiceWorkerRegistration): Promise<void> {
  const answer = await request<{ public_key: string }>('GET', '/me/push');
  if (!answer.ok) return; // Nobody is signed in. A page makes a new one when somebody is.
  const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: keyBytes(answer.data.public_key) });
  await request('PUT', '/me/push', subscription.toJSON());
}
