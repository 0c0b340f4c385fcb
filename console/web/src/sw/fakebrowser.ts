// For tests: a browser of which the worker asks what it asks of a real one, and some calls.
import { vi } from 'vitest';
import type { Answer } from '../api/client';
import type { Call, PickedUp } from '../api/types';
import type { Alert, Choices, Sight } from '../attention/messages';
import type { Host, Shown, Showing, Window } from './host';
import { Notices } from './notices';

/** A browser that shows what it is told to, and remembers. */
export class Browser implements Host {
  notifications = new Map<string, Showing>();
  log: string[] = [];
  tabs: (Window & { sees?: Sight })[] = [];
  subscribed = false;
  kept: Choices | undefined;
  closed: string[] = [];
  badges: number[] = [];
  timers: (() => void)[] = [];
  countsEveryPush = false;
  answers: Answer<PickedUp> = { ok: true, data: { ok: true, changed: true, call: 'c1', on_behalf_of: 'ben', on_behalf_of_name: 'Ben Okafor' } };
  asked: string[] = [];

  async show(s: Showing): Promise<void> {
    this.notifications.set(s.tag, s);
    this.log.push(`${s.silent ? 'quietly ' : ''}${s.title}`);
  }
  async shown(): Promise<Shown[]> {
    await Promise.resolve(); // as a browser, it takes a moment
    return [...this.notifications.values()].map((s) => ({ tag: s.tag, carried: s.data, close: () => void this.notifications.delete(s.tag) }));
  }
  windows = async () => this.tabs;
  open = async () => void this.log.push('opened');
  sight = async (w: Window) => this.tabs.find((t) => t.id === w.id)?.sees;
  /** How it answers where a phone is named, if otherwise than without. */
  answersPhone: Answer<PickedUp> | undefined;
  async pickUp(call: string, phone: string) {
    this.asked.push(`${call} ${phone}`);
    return (phone && this.answersPhone) || this.answers;
  }
  pushed = async () => this.subscribed;
  choices = async () => this.kept;
  choose = async (c: Choices) => void (this.kept = c);
  dismissed = async () => this.closed;
  keepDismissed = async (calls: string[]) => void (this.closed = calls);
  badge = (n: number) => void this.badges.push(n);
  after = (_: number, f: () => void) => void this.timers.push(f);

  tab(id: string, sees?: Sight, how: 'focused' | 'visible' | 'hidden' = 'hidden') {
    const tab = { id, focused: how === 'focused', visible: how !== 'hidden', post: vi.fn(), focus: vi.fn(async () => undefined), sees };
    this.tabs.push(tab);
    return tab;
  }
  get texts(): string[] {
    return [...this.notifications.values()].map((n) => `${n.title}: ${n.body}`);
  }
  async late(): Promise<void> {
    for (const f of this.timers.splice(0)) f();
    await new Promise((r) => setTimeout(r));
  }
}

export const alert = (call: string, change: Partial<Alert> = {}): Alert => ({
  call, since: '2026-01-01T00:00:00.000Z', title: `caller of ${call}`, body: 'for Ben', phone: '', pickup: true, language: 'en', silent: false, ...change,
});
export const sees = (...alerts: Alert[]): Sight => ({ live: true, focused: false, alerts });
export const call = (change: Partial<Call> = {}): Call => ({
  id: 'c1', caller_call: 'x', state: 'ringing', since: '2026-01-01T00:00:00.000Z', ended_at: '', caller: { number: '106', name: '<b>Fatma', withheld: false },
  dialled: '102', via: [{ kind: 'queue', number: '800', name: '' }], ringing: [{ person: 'ben', name: 'Ben', groups: ['sales'] }], rang: [],
  answered_by: '', picked_up_by: '', on_behalf_of: '', picking_up_by: '', answered_by_name: '', picked_up_by_name: '', on_behalf_of_name: '', picking_up_by_name: '', ...change,
});
export const rings = { type: 'ringing', call: call(), names: { ben: 'Ben Okafor' }, pickup: true, language: 'de' };
export const over = { type: 'over', call: call({ state: 'answered', answered_by: 'ben', ringing: [] }), names: { ben: 'Ben Okafor' }, language: 'de' };

export function set() {
  const browser = new Browser();
  return { browser, notices: new Notices(browser) };
}

export async function clickOn(browser: Browser, notices: Notices, action: string): Promise<void> {
  const [shown] = await browser.shown();
  await notices.clicked(shown!, action);
}
