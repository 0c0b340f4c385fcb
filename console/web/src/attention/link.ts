// The page's side of the service worker.
import type { Sight, ToPage, ToWorker } from './messages';

export interface Listener {
  /** How this page sees things now. */
  sight(): Sight;
  outcome(answer: Extract<ToPage, { type: 'outcome' }>['answer']): void;
}

/** Whether there can be a worker: only on https, or on this computer itself (Secure Contexts). */
export const workers = 'serviceWorker' in navigator && window.isSecureContext;

export class Link {
  private readonly ends = new AbortController();
  private last = '';
  private registration: ServiceWorkerRegistration | undefined;

  constructor(private readonly listener: Listener) {}

  /** Gives the worker, if there can be one. */
  async start(): Promise<ServiceWorkerRegistration | undefined> {
    if (!workers || !import.meta.env.PROD) return undefined;
    const container = navigator.serviceWorker;
    const { signal } = this.ends;
    container.addEventListener('message', (e) => this.received(e), { signal });
    // A new worker has been told nothing.
    container.addEventListener('controllerchange', () => this.renew(), { signal });
    try {
      await container.register('/sw.js');
      this.registration = await container.ready;
    } catch {
      return undefined; // A browser may forbid it; everything else goes on.
    }
    this.renew();
    return this.registration;
  }

  stop(): void {
    this.ends.abort();
  }

  private renew(): void {
    this.last = '';
    this.see();
  }

  /** Tells the worker how this page sees things, if that has changed. */
  see(): void {
    const sight = this.listener.sight();
    if (sight.live) this.say({ type: 'sight', sight });
  }

  say(message: ToWorker): void {
    const said = JSON.stringify(message);
    if (said === this.last || !this.registration) return;
    if (message.type !== 'choices') this.last = said;
    this.registration.active?.postMessage(message);
  }

  private received(e: MessageEvent): void {
    const message = e.data as ToPage;
    if (message.type === 'tell') e.ports[0]?.postMessage(this.listener.sight());
    else if (message.type === 'outcome') this.listener.outcome(message.answer);
  }
}
