// The notifications of calls: there when a call rings, gone the instant it is over. It keeps nothing in memory that it could not do
// without: a browser ends a worker whenever it likes, and starts it anew for the next message.
import type { Answer } from '../api/client';
import type { Call, PickedUp } from '../api/types';
import type { Alert, Sight, ToWorker } from '../attention/messages';
import { callerIn, endIn, wayIn } from '../attention/saying';
import { choose, text, type Language } from '../i18n/languages';
import { wordsOf } from '../model/refusals';
import type { Carried, Host, Shown, Window } from './host';

/** A push message of the daemon (docs/push.md). */
export interface Pushed {
  type: string;
  call: Call | { id: string; state: 'withdrawn' };
  names?: Record<string, string>;
  pickup?: boolean;
  /** My phones with which a pickup would be refused; an empty one: that which is called when none is named. */
  away?: string[];
  language?: string;
  /** Of the session: session_ending, session_ended. Then there is no call. */
  ends_at?: string;
}

/** The tag of what is said of the session, and what that is. */
const session = 'session';
const over = 'over';
const ending = 'ending';

/** For how long it is said how a call ended, and what became of a pickup. */
const overFor = 5_000;
const outcomeFor = 15_000;
/** How many calls that are over are remembered, for messages that come late, how many that were closed by hand, and how many windows. */
const remembered = 50;
/** After these a call may ring on, so its notification comes back. */
const ringsOn = ['unreachable', 'no_answer', 'conflict', 'pbx_unavailable', 'unavailable', 'offline', 'too_many_requests', 'invalid'];

export class Notices {
  /** Messages are dealt with one after the other: one that a call is over never overtakes one that it rings. */
  private last: Promise<unknown> = Promise.resolve();
  /** Closed by hand, or clicked: they do not come back. Read from the store by the first who asks. */
  private dismissed: Set<string> | undefined;
  /** Calls of which a push message has said that they are over, and what it said: the one that they ring may come late. */
  private ended = new Map<string, Pushed>();
  /** Windows that did not answer, and have said nothing since: the next push message does not wait for them. */
  private asleep = new Set<string>();

  constructor(private readonly host: Host) {}

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.last.then(work, work);
    this.last = done.catch(() => undefined);
    return done;
  }

  /** A page says something. */
  told(message: ToWorker, from: string): Promise<void> {
    this.asleep.delete(from);
    switch (message.type) {
      case 'sight':
        return this.inTurn(() => this.follow(message.sight, from));
      case 'lost':
      case 'gone':
        return this.inTurn(() => this.without(from, message.type));
      case 'out':
        return this.inTurn(() => this.closeAll());
      case 'ended':
        return this.inTurn(() => this.sessionEnded(choose(message.language)));
      case 'choices':
        return this.host.choose(message.choices);
      default:
        return Promise.resolve(); // of a younger page
    }
  }

  /** What is shown becomes what a live page sees. While one has the focus, that shows it. */
  private async follow(sight: Sight, from: string): Promise<void> {
    if (!sight.live) return;
    const focused = sight.focused || (await this.seen(from));
    const dismissed = await this.closedByHand();
    await this.forget([...dismissed].filter((call) => !sight.alerts.some((a) => a.call === call)));
    const wanted = focused ? [] : sight.alerts.filter((a) => !dismissed.has(a.call));
    const shown = await this.host.shown();
    for (const one of shown) {
      // Who sees the page sees there how long they are signed in.
      if (one.carried.kind === 'session' && (sight.focused || one.carried.call === over)) one.close();
      if (one.carried.kind === 'ring' && !wanted.some((a) => a.call === one.tag)) one.close();
    }
    for (const alert of wanted) {
      const there = shown.find((s) => s.tag === alert.call && s.carried.kind === 'ring');
      if (!there || !same(there.carried, alert)) await this.ring(alert, {}, alert.silent || there !== undefined);
    }
  }

  /** Whether somebody looks at a page that shows what rings: one without a connection does not. */
  private async seen(except = ''): Promise<boolean> {
    return (await this.live((await this.host.windows()).filter((w) => w.focused && w.id !== except))) !== undefined;
  }

  /** A page can say no more what rings. If another can, that holds; otherwise nothing does. */
  private async without(page: string, why: 'lost' | 'gone'): Promise<void> {
    for (const window of await this.host.windows()) {
      const sight = window.id === page ? undefined : await this.host.sight(window);
      if (!sight?.live) continue;
      this.host.badge(ringsIn(sight)); // there is one for all pages, and it was set or cleared by the other
      return this.follow(sight, window.id);
    }
    const rings = (await this.host.shown()).filter((s) => s.carried.kind === 'ring');
    if (why === 'gone') {
      // A page that closes leaves the calls to push messages, which say also when they are over.
      const pushed = await this.host.pushed();
      this.host.badge(pushed ? rings.length : 0);
      if (pushed) return;
    }
    for (const one of rings) one.close();
  }

  private async closeAll(): Promise<void> {
    for (const one of await this.host.shown()) one.close();
    this.host.badge(0);
  }

  /** Nobody is signed in any more: nothing of a call is shown, and a person who does not see the page is told that nothing will be. */
  private async sessionEnded(language: Language): Promise<void> {
    for (const one of await this.host.shown()) if (one.carried.kind !== 'session') one.close();
    this.host.badge(0);
    if ((await this.host.windows()).some((w) => w.focused)) return;
    await this.ofSession(over, text(language, 'session.ended.notice'), language);
  }

  /** There is one for all pages and the push message; the later makes no second sound. */
  private async ofSession(which: string, body: string, language: Language): Promise<void> {
    const there = (await this.host.shown()).find((s) => s.tag === session);
    const known = there?.carried.call === which;
    if (known && !this.host.countsEveryPush) return;
    const title = text(language, 'app.title');
    await this.host.show({
      title, body, tag: session, silent: known, lang: language, stays: true, timestamp: Date.now(), actions: [],
      data: { ...empty, kind: 'session', call: which, title, body, language },
    });
  }

  private async pushedOfSession(message: Pushed, language: Language): Promise<void> {
    if (message.type === 'session_ended') {
      for (const one of await this.host.shown()) if (one.carried.kind === 'ring') one.close();
      return this.ofSession(over, text(language, 'session.ended.notice'), language);
    }
    const time = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(message.ends_at ?? ''));
    return this.ofSession(ending, text(language, 'session.ending.notice', { time }), language);
  }

  /** A push message. The promise is done when what is to be shown is there. */
  pushed(message: Pushed): Promise<void> {
    return this.inTurn(async () => {
      const language = choose((await this.host.choices())?.language, message.language);
      if (message.type === 'ringing') await this.pushedRing(message, language);
      else if (message.type === 'over') await this.pushedEnd(message, language);
      else if (message.type.startsWith('session_')) await this.pushedOfSession(message, language);
    });
  }

  private async pushedRing(message: Pushed, language: Language): Promise<void> {
    const { host } = this;
    const call = message.call as Call;
    const end = this.ended.get(call.id);
    if (end) return this.pushedEnd(end, language);
    const shown = await host.shown();
    const there = shown.find((s) => s.tag === call.id);
    const focused = await this.seen();
    const known = focused || there !== undefined || (await this.closedByHand()).has(call.id);
    if (known && !host.countsEveryPush) return;
    const saying = { language, me: '', nameOf: namesIn(message), groupOf: () => undefined };
    const phone = (await host.choices())?.phone ?? '';
    const pickup = message.pickup !== false && !message.away?.includes(phone);
    const alert: Alert = { call: call.id, since: call.since, title: callerIn(language, call), body: wayIn(call, saying), phone, pickup, language, silent: known };
    await this.ring(there ? { ...alert, ...there.carried, silent: true } : alert, message.names ?? {}, known);
    if (focused) for (const s of await host.shown()) if (s.tag === call.id) s.close();
    await this.count();
  }

  /**
   * It is over: the notification goes. But a message for which nothing can be seen is held against us: Chrome shows one of its own
   * unless a notification of ours is there when this is done, or a window of ours can be seen
   * (chrome/browser/push_messaging/push_messaging_notification_manager.cc), and Safari counts. So it turns, without a sound, into
   * one that says who has the call, and goes a moment later.
   */
  private async pushedEnd(message: Pushed, language: Language): Promise<void> {
    const { host } = this;
    const { id } = message.call;
    this.ended.delete(id); // the newest is the last
    this.ended.set(id, message);
    for (const oldest of this.ended.keys()) if (this.ended.size > remembered) this.ended.delete(oldest);
    await this.forget([id]);
    const shown = await host.shown();
    const there = shown.find((s) => s.tag === id);
    const others = shown.some((s) => s.tag !== id) || (await host.windows()).some((w) => w.visible);
    if (others && !host.countsEveryPush) {
      there?.close();
      return this.count();
    }
    const call = message.call as Partial<Call> & { id: string };
    const carried = there?.carried;
    const title = call.caller ? callerIn(language, call as Call) : (carried?.title ?? text(language, 'app.title'));
    // Of a call without a document only that is known: the daemon was away when it ended, or its group shows it no more.
    const end = call.caller ? endIn(call as Call, { language, me: '', nameOf: namesIn(message), groupOf: () => undefined }) : text(language, 'over.lost');
    await this.say('over', { ...empty, ...carried, call: id, title, body: end, language }, overFor);
    await this.count();
  }

  /** The badge of an installed app is what a live page says. One that is frozen, or has no connection, keeps none. */
  private async count(): Promise<void> {
    const awake = (await this.host.windows()).filter((w) => !this.asleep.has(w.id));
    const sights = await Promise.all(awake.map((w) => this.host.sight(w)));
    awake.forEach((w, i) => sights[i] ?? this.asleep.add(w.id));
    for (const oldest of this.asleep) if (this.asleep.size > remembered) this.asleep.delete(oldest);
    const live = sights.find((s) => s?.live);
    this.host.badge(live ? ringsIn(live) : (await this.host.shown()).filter((s) => s.carried.kind === 'ring').length);
  }

  /** now: what it says at the moment instead of for whom it rings, and whether a pickup runs. */
  private ring(alert: Omit<Alert, 'silent'>, names: Record<string, string>, silent: boolean, now: { body?: string; running?: boolean } = {}): Promise<void> {
    const language = choose(alert.language);
    const { call, since, title, body, phone, pickup } = alert;
    const { running = false } = now;
    return this.host.show({
      title, body: now.body ?? body, tag: call, silent, lang: language, stays: true, timestamp: Date.parse(since),
      actions: pickup && !running ? [{ action: 'pickup', title: text(language, 'calls.pickup') }] : [],
      data: { kind: 'ring', call, since, title, body, phone, pickup, language, running, names },
    });
  }

  /** Says something for a moment, where the call's notification was. */
  private async say(kind: 'over' | 'outcome', carried: Carried, ms: number): Promise<void> {
    const { title, body, call, language, since } = carried;
    // What became of a pickup has a tag of its own: a page that lags behind may see the call ring for a moment yet.
    const tag = kind === 'outcome' ? `${call}-outcome` : call;
    await this.host.show({
      title, body, tag, silent: true, lang: language, stays: false, timestamp: Date.parse(since) || Date.now(), actions: [],
      data: { ...carried, kind, running: false },
    });
    // Not part of the event's work: it is over before, with the notification there.
    this.host.after(ms, () => void this.inTurn(() => this.closeOne(tag, kind)));
  }

  private async closeOne(tag: string, kind: Carried['kind']): Promise<void> {
    for (const one of await this.host.shown()) if (one.tag === tag && one.carried.kind === kind) one.close();
  }

  private async closedByHand(): Promise<Set<string>> {
    return (this.dismissed ??= new Set(await this.host.dismissed()));
  }

  private async forget(calls: string[]): Promise<void> {
    const dismissed = await this.closedByHand();
    let changed = false;
    for (const call of calls) changed = dismissed.delete(call) || changed;
    if (changed) await this.host.keepDismissed([...dismissed]);
  }

  /** Closed by hand. */
  dismiss(one: Shown): Promise<void> {
    return this.inTurn(async () => {
      if (one.carried.kind !== 'ring') return;
      const dismissed = (await this.closedByHand()).add(one.tag);
      for (const oldest of dismissed) if (dismissed.size > remembered) dismissed.delete(oldest);
      await this.host.keepDismissed([...dismissed]);
    });
  }

  async clicked(one: Shown, action: string): Promise<void> {
    if (action === 'pickup') return this.pickUp(one.carried);
    one.close();
    const kept = this.dismiss(one);
    await this.toFront(); // a browser lets that be done only at once
    await kept;
  }

  private async toFront(): Promise<void> {
    const windows = await this.host.windows();
    const best = windows.find((w) => w.visible) ?? windows[0];
    await (best ? best.focus() : this.host.open());
  }

  /** The pickup itself is not in turn: it takes as long as the phone rings, and the call may be over before. */
  private async pickUp(one: Carried): Promise<void> {
    const language = choose(one.language);
    await this.inTurn(() => this.ring(one, one.names, true, { body: text(language, 'pickup.asked'), running: true }));
    const answer = await this.ask(one);
    await this.inTurn(async () => {
      await this.closeOne(one.call, 'ring');
      const windows = await this.host.windows();
      const watched = await this.desk(windows);
      const nameOf = (id: string) => one.names[id] ?? id;
      if (watched) watched.post({ type: 'outcome', answer });
      if (answer.ok) {
        const done = text(language, 'pickup.done', { person: answer.data.on_behalf_of_name });
        if (!watched) await this.say('outcome', { ...one, body: done }, outcomeFor);
        return;
      }
      const { code } = answer.problem;
      const { key, values } = wordsOf(answer.problem, nameOf);
      const why = code === 'unauthorized' ? text(language, 'signin.ended') : text(language, key, values);
      const { by } = values;
      const said = (code === 'already_taken' && by)
        ? await this.late(one, text(language, 'pickup.by', { by }), windows)
        : ringsOn.includes(code) && (await this.again(one, why, windows));
      if (!said && !watched) await this.say('outcome', { ...one, body: why }, outcomeFor);
    });
  }

  /** With the phone that was chosen here last. If that is nobody's any more the call is there all the same, and so is another phone. */
  private async ask(one: Carried): Promise<Answer<PickedUp>> {
    const answer = await this.host.pickUp(one.call, one.phone);
    if (answer.ok || answer.problem.code !== 'not_found' || !one.phone) return answer;
    return this.host.pickUp(one.call, '');
  }

  /** A window in which a message would be seen: the page for signing in shows none, and does not answer. */
  private async desk(windows: Window[]): Promise<Window | undefined> {
    for (const window of windows) if (window.visible && (await this.host.sight(window))) return window;
    return undefined;
  }

  /** It may still ring: what a live page sees holds, and where there is none the notification says also why. Gives whether that is enough. */
  private async again(one: Carried, why: string, windows: Window[]): Promise<boolean> {
    const page = await this.live(windows);
    if (!page) return this.ended.has(one.call) || this.ringAgain(one, `${why} ${one.body}`);
    const { sight } = page;
    const alerts = sight.alerts.map((a) => (a.call === one.call ? { ...a, body: `${why} ${a.body}`, silent: true } : a));
    await this.follow({ ...sight, alerts }, page.window.id);
    return true;
  }

  /** Somebody was faster. They may not get it either, and then it rings on: a push message tells that once, and not again. */
  private async late(one: Carried, picking: string, windows: Window[]): Promise<boolean> {
    const page = await this.live(windows);
    if (!page) return this.ringAgain(one, `${one.body} · ${picking}`);
    await this.follow(page.sight, page.window.id);
    return page.sight.alerts.some((a) => a.call === one.call);
  }

  /** Only where a push message will say that it is over, and has not yet. */
  private async ringAgain(one: Carried, body: string): Promise<boolean> {
    if (this.ended.has(one.call) || (await this.closedByHand()).has(one.call) || !(await this.host.pushed())) return false;
    await this.ring(one, one.names, true, { body });
    return true;
  }

  private async live(windows: Window[]): Promise<{ window: Window; sight: Sight } | undefined> {
    for (const window of windows) {
      const sight = await this.host.sight(window);
      if (sight?.live) return { window, sight };
    }
    return undefined;
  }
}

const empty: Carried = {
  kind: 'over', call: '', since: '', title: '', body: '', phone: '', language: '', running: false, pickup: false, names: {},
};

const ringsIn = (sight: Sight): number => sight.rings ?? sight.alerts.length;

function namesIn(message: Pushed): (id: string) => string {
  return (id) => message.names?.[id] ?? id;
}

/** While a pickup runs, its notification says so. */
function same(there: Carried, alert: Alert): boolean {
  return there.running || (there.title === alert.title && there.body === alert.body && there.pickup === alert.pickup && there.phone === alert.phone);
}
