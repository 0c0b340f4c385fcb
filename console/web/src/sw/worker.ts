// The service worker: notifications that outlive the page, and the app's files. This file ties what the browser tells to what is
// done; notices.ts and shell.ts do it.
import { paths, pickupPatience, request } from '../api/client';
import type { Choices, Sight, ToPage, ToWorker } from '../attention/messages';
import badge from './badge.png?inline';
import type { Carried, Host, Shown, Showing, Window } from './host';
import icon from './icon.png?inline';
import { Notices, type Pushed } from './notices';
import { again, type Change } from './resubscribe';
import { answer, clean, install, type Shell } from './shell';

declare const self: ServiceWorkerGlobalScope;
/** Put here by vite.worker.config.ts. */
declare const __SHELL__: Shell;

const settings = 'settings';
const choicesAt = '/settings/choices';
const dismissedAt = '/settings/dismissed';
/** How long a window has to say how it sees things. */
const answerTime = 400;

const shownBy = (n: Notification): Shown => ({ tag: n.tag, carried: n.data as Carried, close: () => n.close() });

function windowOf(client: WindowClient): Window {
  return {
    id: client.id,
    focused: client.focused && client.visibilityState === 'visible',
    visible: client.visibilityState === 'visible',
    post: (message: ToPage) => client.postMessage(message),
    focus: () => client.focus(),
  };
}

/** Windows of the console. Whoever looks at something else of this address, such as /metrics, sees no call there. */
async function clients(): Promise<readonly WindowClient[]> {
  const all = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  return all.filter((client) => new URL(client.url).pathname === '/');
}

/** What outlives the worker, while the browser keeps what it stores. */
async function kept<T>(at: string): Promise<T | undefined> {
  const answer = await (await caches.open(settings)).match(at);
  return answer ? ((await answer.json()) as T) : undefined;
}
const keep = async (at: string, what: unknown): Promise<void> => (await caches.open(settings)).put(at, Response.json(what));

const host: Host = {
  // With the pictures in it: a browser shows nothing before it has fetched them, and a phone that is woken may not reach the daemon.
  show(s: Showing): Promise<void> {
    const { title, stays, ...rest } = s;
    const options = { ...rest, requireInteraction: stays, renotify: !s.silent, icon, badge };
    return self.registration.showNotification(title, options);
  },
  shown: async () => (await self.registration.getNotifications()).filter((n) => (n.data as Carried | null)?.kind).map(shownBy),
  windows: async () => (await clients()).map(windowOf),
  open: () => self.clients.openWindow('/'),
  async sight(window): Promise<Sight | undefined> {
    const client = await self.clients.get(window.id);
    if (!client) return undefined;
    const { port1, port2 } = new MessageChannel();
    const told = new Promise<Sight | undefined>((resolve) => {
      port1.onmessage = (e) => resolve(e.data as Sight);
      setTimeout(() => resolve(undefined), answerTime);
    });
    client.postMessage({ type: 'tell' } satisfies ToPage, [port2]);
    return told.finally(() => port1.close());
  },
  pickUp: (call, phone) => request('POST', paths.pickup(call), phone ? { endpoint: phone } : {}, AbortSignal.timeout(pickupPatience)),
  pushed: async () => (await self.registration.pushManager?.getSubscription()) != null,
  choices: () => kept<Choices>(choicesAt),
  choose: (choices) => keep(choicesAt, choices),
  // Without its store a browser shows what rings all the same.
  dismissed: () => kept<string[]>(dismissedAt).then((calls) => calls ?? [], () => []),
  keepDismissed: (calls) => keep(dismissedAt, calls).catch(() => undefined),
  badge(count): void {
    const n = self.navigator;
    if ('setAppBadge' in n) void (count > 0 ? n.setAppBadge(count) : n.clearAppBadge()).catch(() => undefined);
  },
  after: (ms, f) => void setTimeout(f, ms),
  countsEveryPush: /AppleWebKit/.test(navigator.userAgent) && !/Chrom(e|ium)\//.test(navigator.userAgent),
};

/** A browser that does not answer holds up only what it was asked for: the next message finds what there is. */
const bound = 2_000;
const bounded = <T>(work: Promise<T>, otherwise: T): Promise<T> =>
  Promise.race([work, new Promise<T>((resolve) => setTimeout(() => resolve(otherwise), bound))]);

const notices = new Notices({
  ...host,
  show: (s) => bounded(host.show(s), undefined),
  shown: () => bounded(host.shown(), []),
  windows: () => bounded(host.windows(), []),
  dismissed: () => bounded(host.dismissed(), []),
  keepDismissed: (calls) => bounded(host.keepDismissed(calls), undefined),
});

self.addEventListener('install', (e) => {
  // It takes over at once: pages are not loaded anew for that, and old ones get on with a new worker.
  e.waitUntil(install(__SHELL__).then(() => self.skipWaiting()));
});
self.addEventListener('activate', (e) => e.waitUntil(clean(__SHELL__).then(() => self.clients.claim())));
self.addEventListener('fetch', (e) => {
  const answered = answer(__SHELL__, e.request);
  if (answered) e.respondWith(answered);
});
self.addEventListener('message', (e) => {
  const from = e.source instanceof WindowClient ? e.source.id : '';
  e.waitUntil(notices.told(e.data as ToWorker, from));
});
self.addEventListener('push', (e) => {
  if (e.data) e.waitUntil(notices.pushed(e.data.json() as Pushed));
});
self.addEventListener('pushsubscriptionchange', (e) => e.waitUntil(again(self.registration.pushManager, e as Change)));
self.addEventListener('notificationclick', (e) => e.waitUntil(notices.clicked(shownBy(e.notification), e.action)));
self.addEventListener('notificationclose', (e) => e.waitUntil(notices.dismiss(shownBy(e.notification))));
