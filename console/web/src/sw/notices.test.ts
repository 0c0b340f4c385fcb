import { expect, test, vi } from 'vitest';
import type { Answer } from '../api/client';
import type { Call, PickedUp } from '../api/types';
import type { Alert, Choices, Sight } from '../attention/messages';
import type { Host, Shown, Showing, Window } from './host';
import { Notices, type Pushed } from './notices';

/** A browser that shows what it is told to, and remembers. */
class Browser implements Host {
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

const alert = (call: string, change: Partial<Alert> = {}): Alert => ({
  call, since: '2026-01-01T00:00:00.000Z', title: `caller of ${call}`, body: 'for Ben', phone: '', pickup: true, language: 'en', silent: false, ...change,
});
const sees = (...alerts: Alert[]): Sight => ({ live: true, focused: false, alerts });
const call = (change: Partial<Call> = {}): Call => ({
  id: 'c1', caller_call: 'x', state: 'ringing', since: '2026-01-01T00:00:00.000Z', ended_at: '', caller: { number: '106', name: '<b>Fatma', withheld: false },
  dialled: '102', via: [{ kind: 'queue', number: '800', name: '' }], ringing: [{ person: 'ben', groups: ['sales'] }], rang: [],
  answered_by: '', picked_up_by: '', on_behalf_of: '', picking_up_by: '', answered_by_name: '', picked_up_by_name: '', on_behalf_of_name: '', picking_up_by_name: '', ...change,
});
const rings = { type: 'ringing', call: call(), names: { ben: 'Ben Okafor' }, pickup: true, language: 'de' };
const over = { type: 'over', call: call({ state: 'answered', answered_by: 'ben', ringing: [] }), names: { ben: 'Ben Okafor' }, language: 'de' };

function set() {
  const browser = new Browser();
  return { browser, notices: new Notices(browser) };
}

test('what a live page sees is what is shown, once for a call', async () => {
  const { browser, notices } = set();
  await notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'a');
  await notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'b');
  await notices.told({ type: 'sight', sight: sees(alert('c1', { body: 'for Ben and 1 other' }), alert('c2')) }, 'b');
  expect(browser.log).toEqual(['caller of c1', 'quietly caller of c1', 'caller of c2']);
  await notices.told({ type: 'sight', sight: sees(alert('c2')) }, 'a');
  expect(browser.texts).toEqual(['caller of c2: for Ben']);
});

test('a ring never comes after its end, however fast they follow each other', async () => {
  const { browser, notices } = set();
  await Promise.all([
    notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'a'),
    notices.told({ type: 'sight', sight: sees() }, 'a'),
  ]);
  expect(browser.texts).toEqual([]);
});

test('nothing is shown to who looks at a page', async () => {
  const { browser, notices } = set();
  await notices.told({ type: 'sight', sight: { ...sees(alert('c1')), focused: true } }, 'a');
  browser.tab('b', undefined, 'focused');
  await notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'a');
  expect(browser.log).toEqual([]);
});

test('without a connection it goes, unless another page can say that it holds', async () => {
  const { browser, notices } = set();
  browser.tab('a', sees(alert('c1')));
  const other = browser.tab('b', sees(alert('c1')));
  await notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'a');
  await notices.told({ type: 'lost' }, 'a');
  expect(browser.texts).toHaveLength(1);
  other.sees = { ...sees(alert('c1')), live: false };
  await notices.told({ type: 'lost' }, 'a');
  expect(browser.texts).toEqual([]);
});

test('the last page that closes leaves a call only to push messages', async () => {
  const { browser, notices } = set();
  await notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'a');
  browser.subscribed = true;
  await notices.told({ type: 'gone' }, 'a');
  expect(browser.texts).toHaveLength(1);
  browser.subscribed = false;
  await notices.told({ type: 'gone' }, 'a');
  expect(browser.texts).toEqual([]);
});

test('the badge of a page that goes goes with it, or becomes what another page or push messages know', async () => {
  const { browser, notices } = set();
  await notices.told({ type: 'sight', sight: sees(alert('c1'), alert('c2')) }, 'a');
  browser.tab('a', sees());
  const other = browser.tab('b', { ...sees(alert('c1')), rings: 3 });
  await notices.told({ type: 'gone' }, 'a');
  await notices.told({ type: 'lost' }, 'a');
  expect(browser.badges).toEqual([3, 3]);
  other.sees = sees(alert('c1')); // of a page that is older
  await notices.told({ type: 'gone' }, 'a');
  browser.tabs = [];
  browser.subscribed = true;
  await notices.told({ type: 'gone' }, 'b');
  browser.subscribed = false;
  await notices.told({ type: 'lost' }, 'b'); // it is there, and sets its badge itself
  await notices.told({ type: 'gone' }, 'b');
  expect(browser.badges).toEqual([3, 3, 1, 1, 0]);
});

test('push messages keep the badge while no page can, and wait for a frozen one once', async () => {
  const { browser, notices } = set();
  const frozen = browser.tab('a');
  const lost = browser.tab('b', { ...sees(), live: false });
  const asks = vi.spyOn(browser, 'sight');
  await notices.pushed(rings);
  await notices.pushed({ ...rings, call: call({ id: 'c2' }) });
  expect(browser.badges).toEqual([1, 2]);
  expect(asks.mock.calls.map(([w]) => w.id)).toEqual(['a', 'b', 'b']);
  // It wakes, and says how it is. Of what comes late nothing stays.
  frozen.sees = { ...sees(), rings: 1 };
  await notices.told({ type: 'sight', sight: frozen.sees }, 'a');
  lost.sees = undefined;
  await notices.pushed(over);
  expect(browser.badges).toEqual([1, 2, 1]);
});

test('who has signed out is told of nothing', async () => {
  const { browser, notices } = set();
  await notices.pushed(rings);
  await notices.told({ type: 'out' }, 'a');
  expect(browser.texts).toEqual([]);
});

test('what was closed by hand does not come back', async () => {
  const { browser, notices } = set();
  await notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'a');
  const [shown] = await browser.shown();
  shown!.close();
  await notices.dismiss(shown!);
  await notices.told({ type: 'sight', sight: sees(alert('c1', { body: 'other' }), alert('c2')) }, 'a');
  expect(browser.texts).toEqual(['caller of c2: for Ben']);
});

test('what was closed by hand or clicked does not come back either when the browser has ended the worker meanwhile', async () => {
  const { browser, notices } = set();
  await notices.told({ type: 'sight', sight: sees(alert('c1'), alert('c2')) }, 'a');
  const [first, second] = await browser.shown();
  first!.close();
  await notices.dismiss(first!);
  await notices.clicked(second!, '');
  const anew = new Notices(browser);
  await anew.pushed(rings as Pushed); // of c1
  await anew.told({ type: 'sight', sight: sees(alert('c1'), alert('c2')) }, 'a');
  expect(browser.texts).toEqual([]);
  // It is kept for as long as a page sees the call, or until it is over.
  await new Notices(browser).told({ type: 'sight', sight: sees(alert('c1')) }, 'a');
  expect(browser.closed).toEqual(['c1']);
  await new Notices(browser).pushed(over as Pushed);
  expect(browser.closed).toEqual([]);
});

test('no more than fifty are kept that were closed by hand', async () => {
  const { browser, notices } = set();
  const many = Array.from({ length: 51 }, (_, i) => alert(`c${i}`));
  await notices.told({ type: 'sight', sight: sees(...many) }, 'a');
  for (const one of await browser.shown()) await notices.dismiss(one);
  expect(browser.closed).toHaveLength(50);
  expect(browser.closed).not.toContain('c0');
});

test('a push message rings in the language that was chosen here, and is taken back', async () => {
  const { browser, notices } = set();
  await notices.pushed(rings);
  const shown = browser.notifications.get('c1')!;
  expect(shown).toMatchObject({ title: '<b>Fatma (106)', body: 'für Ben Okafor · Warteschlange 800', silent: false, lang: 'de', stays: true });
  expect(shown.actions).toEqual([{ action: 'pickup', title: 'Annehmen' }]);
  expect(browser.badges).toEqual([1]);
  await notices.told({ type: 'choices', choices: { language: 'fr', phone: 'PJSIP/101-home' } }, 'a');
  await notices.pushed(over);
  // Something has to be seen for each message: it says who has the call, and goes a moment later.
  expect(browser.notifications.get('c1')).toMatchObject({ silent: true, stays: false, actions: [], body: 'Ben Okafor a répondu' });
  expect(browser.badges).toEqual([1, 0]);
  await browser.late();
  expect(browser.texts).toEqual([]);
});

test('a call that is no longer known is taken back too, and a ring that comes late does not ring', async () => {
  const { browser, notices } = set();
  await notices.pushed({ type: 'over', call: { id: 'c1', state: 'withdrawn' }, names: {}, language: 'en' });
  expect(browser.texts).toEqual(['Supervision: No longer supervised']);
  await notices.pushed(rings);
  expect(browser.log.every((l) => l.startsWith('quietly'))).toBe(true);
  await browser.late();
  expect(browser.texts).toEqual([]);
});

test('while a page is there it is closed at once, and nothing takes its place', async () => {
  const { browser, notices } = set();
  await notices.pushed(rings);
  browser.tab('a', sees(), 'visible');
  await notices.pushed(over);
  expect(browser.texts).toEqual([]);
});

test('a page and a push message tell of a call once', async () => {
  const { browser, notices } = set();
  await notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'a');
  await notices.pushed(rings);
  expect(browser.log).toEqual(['caller of c1']);
});

test('a browser that counts is shown something for each message', async () => {
  const { browser, notices } = set();
  browser.countsEveryPush = true;
  browser.tab('a', sees(), 'focused');
  await notices.pushed(rings);
  expect(browser.log).toEqual(['quietly <b>Fatma (106)']);
  expect(browser.texts).toEqual([]);
  await notices.pushed(over);
  expect(browser.log).toHaveLength(2);
});

async function clickOn(browser: Browser, notices: Notices, action: string): Promise<void> {
  const [shown] = await browser.shown();
  await notices.clicked(shown!, action);
}

test('its button takes the call with the phone that was chosen', async () => {
  const { browser, notices } = set();
  await notices.told({ type: 'sight', sight: sees(alert('c1', { phone: 'PJSIP/101' })) }, 'a');
  await clickOn(browser, notices, 'pickup');
  expect(browser.asked).toEqual(['c1 PJSIP/101']);
  expect(browser.texts).toEqual(['caller of c1: You have the call for Ben Okafor.']);
  await browser.late();
  expect(browser.texts).toEqual([]);
});

test('a page that can be seen says itself what came of it', async () => {
  const { browser, notices } = set();
  const tab = browser.tab('a', sees(), 'visible');
  await notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'a');
  await clickOn(browser, notices, 'pickup');
  expect(tab.post).toHaveBeenCalledWith({ type: 'outcome', answer: browser.answers });
  expect(browser.texts).toEqual([]);
});

const refusal = (code: string, details: Record<string, string> = {}) => ({ ok: false as const, problem: { status: 409, code, detail: '', details, retryAfter: 0 } });

test('who was too late is told who has the call', async () => {
  const { browser, notices } = set();
  browser.subscribed = true;
  browser.answers = refusal('already_taken', { by: 'ben' });
  await notices.pushed(rings);
  const [shown] = await browser.shown();
  await notices.pushed(over);
  await notices.clicked(shown!, 'pickup');
  expect(browser.texts).toContain('<b>Fatma (106): Zu spät: Ben Okafor hat den Anruf.');
  await browser.late();
  expect(browser.texts).toEqual([]);
});

test('a call that somebody else is picking up rings on, without a sound, until it is over: they may not get it either', async () => {
  const { browser, notices } = set();
  browser.subscribed = true;
  browser.answers = refusal('already_taken', { by: 'emil', by_name: 'Emil Novak' });
  await notices.pushed(rings);
  for (let i = 0; i < 2; i++) {
    await clickOn(browser, notices, 'pickup');
    expect(browser.texts).toEqual(['<b>Fatma (106): für Ben Okafor · Warteschlange 800 · Emil Novak nimmt gerade an']);
    expect(browser.notifications.get('c1')).toMatchObject({ silent: true, actions: [{ action: 'pickup' }], data: { kind: 'ring', running: false } });
  }
  browser.answers = { ok: true, data: { ok: true, changed: true, call: 'c1', on_behalf_of: 'ben', on_behalf_of_name: 'Ben Okafor' } };
  await clickOn(browser, notices, 'pickup');
  await browser.late();
  expect(browser.texts).toEqual([]);
});

test('it is taken back when somebody has got it', async () => {
  const { browser, notices } = set();
  browser.subscribed = true;
  browser.answers = refusal('already_taken', { by: 'emil', by_name: 'Emil Novak' });
  await notices.pushed(rings);
  await clickOn(browser, notices, 'pickup');
  await notices.pushed(over);
  expect(browser.texts).toEqual(['<b>Fatma (106): Ben Okafor hat abgehoben']);
  await browser.late();
  expect(browser.texts).toEqual([]);
});

test('where nothing would take it back it does not ring again', async () => {
  const { browser, notices } = set();
  browser.answers = refusal('already_taken', { by: 'ben' });
  await notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'a');
  await clickOn(browser, notices, 'pickup');
  expect(browser.texts).toEqual(['caller of c1: Too late: ben has the call.']);
  browser.answers = refusal('no_answer');
  await notices.told({ type: 'sight', sight: sees(alert('c2')) }, 'a');
  await notices.clicked((await browser.shown()).find((s) => s.tag === 'c2')!, 'pickup');
  expect(browser.texts).toContain('caller of c2: Your phone did not answer in time. The call rings on.');
  await browser.late();
  expect(browser.texts).toEqual([]);
});

test('who was too late and has a page sees there whether it rings on', async () => {
  const { browser, notices } = set();
  browser.answers = refusal('already_taken', { by: 'emil', by_name: 'Emil Novak' });
  const taken = alert('c1', { body: 'for Ben · Emil Novak is picking up', pickup: false });
  const tab = browser.tab('a', sees(taken));
  await notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'a');
  await clickOn(browser, notices, 'pickup');
  expect(browser.texts).toEqual(['caller of c1: for Ben · Emil Novak is picking up']);
  await notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'a');
  tab.sees = sees();
  await clickOn(browser, notices, 'pickup');
  expect(browser.texts).toEqual(['caller of c1: Too late: Emil Novak has the call.']);
});

test('a phone that is not mine any more is not asked for again: the call is taken with another', async () => {
  const { browser, notices } = set();
  browser.kept = { language: 'en', phone: 'PJSIP/101-old' };
  browser.answersPhone = refusal('not_found');
  await notices.pushed(rings);
  await clickOn(browser, notices, 'pickup');
  expect(browser.asked).toEqual(['c1 PJSIP/101-old', 'c1 ']);
  expect(browser.texts).toEqual(['<b>Fatma (106): You have the call for Ben Okafor.']);
});

test('a call that is gone is not there with another phone either', async () => {
  const { browser, notices } = set();
  browser.answers = refusal('not_found');
  await notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'a');
  await clickOn(browser, notices, 'pickup');
  expect(browser.asked).toEqual(['c1 ']);
  expect(browser.texts).toEqual(['caller of c1: That is not there any more.']);
});

test('a phone that does not answer leaves the call as it is, and says why', async () => {
  const { browser, notices } = set();
  browser.subscribed = true;
  browser.answers = refusal('no_answer');
  await notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'a');
  for (let i = 0; i < 2; i++) {
    await clickOn(browser, notices, 'pickup');
    const [shown] = [...browser.notifications.values()];
    expect(shown).toMatchObject({ body: 'Your phone did not answer in time. The call rings on. for Ben', silent: true, data: { kind: 'ring', running: false } });
    expect(shown!.actions).toHaveLength(1);
  }
});

test('what was closed by hand while the phone rang does not come back', async () => {
  const { browser, notices } = set();
  browser.subscribed = true;
  browser.answers = refusal('no_answer');
  await notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'a');
  const [shown] = await browser.shown();
  browser.pickUp = async () => {
    const [running] = await browser.shown();
    running!.close();
    await notices.dismiss(running!);
    return browser.answers;
  };
  await notices.clicked(shown!, 'pickup');
  await browser.late();
  expect(browser.texts).toEqual([]);
});

test('a call that is over meanwhile is not shown again', async () => {
  const { browser, notices } = set();
  browser.answers = refusal('no_answer');
  browser.tab('a', sees());
  await notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'a');
  await clickOn(browser, notices, 'pickup');
  expect(browser.texts).toEqual([]);
});

test('a click elsewhere brings the page to the front, or opens one', async () => {
  const { browser, notices } = set();
  await notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'a');
  await clickOn(browser, notices, '');
  expect(browser.log).toContain('opened');
  const tab = browser.tab('a', sees());
  await notices.told({ type: 'sight', sight: sees(alert('c2')) }, 'a');
  await clickOn(browser, notices, '');
  expect(tab.focus).toHaveBeenCalledOnce();
  expect(browser.texts).toEqual([]);
});

test('whose session has ended and who does not see the page is told once, by whichever is first', async () => {
  const { browser, notices } = set();
  browser.tab('a');
  browser.tab('b');
  await notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'a');
  await notices.told({ type: 'ended', language: 'de' }, 'a');
  await notices.told({ type: 'ended', language: 'de' }, 'b');
  await notices.pushed({ type: 'session_ended', language: 'de' } as Pushed);
  expect(browser.texts).toEqual(['Supervision: Sie sind abgemeldet; hier werden Ihnen keine Anrufe mehr gemeldet. Bitte melden Sie sich wieder an.']);
  expect(browser.log).toEqual(['caller of c1', 'Supervision']);
  expect(browser.badges.at(-1)).toBe(0);
  // A click leads to the page, and signing in again takes it back.
  await notices.told({ type: 'sight', sight: sees() }, 'a');
  expect(browser.texts).toEqual([]);
});

test('who sees that the session has ended is not told it once more', async () => {
  const { browser, notices } = set();
  browser.tab('a', undefined, 'focused');
  await notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'b');
  await notices.told({ type: 'ended', language: 'en' }, 'b');
  expect(browser.texts).toEqual([]);
});

test('a session that is about to end is said to who looks at notifications only', async () => {
  const { browser, notices } = set();
  browser.kept = { language: 'en', phone: '' };
  const ending = { type: 'session_ending', language: 'de', ends_at: '2026-12-01T08:00:00.000Z' } as Pushed;
  await notices.pushed(ending);
  const [said] = browser.texts;
  expect(said).toMatch(/^Supervision: Your session on this device ends soon \(Dec 1, 2026/);
  expect(browser.log).toEqual(['Supervision']);
  await notices.told({ type: 'sight', sight: { live: true, focused: false, alerts: [] } }, 'a');
  expect(browser.texts).toEqual([said]);
  await notices.told({ type: 'sight', sight: { live: true, focused: true, alerts: [] } }, 'a');
  expect(browser.texts).toEqual([]);
});

test('a push message that the session has ended takes what rings with it', async () => {
  const { browser, notices } = set();
  await notices.pushed(rings as Pushed);
  await notices.pushed({ type: 'session_ended', language: 'fr' } as Pushed);
  expect(browser.texts).toEqual(['Supervision: Vous êtes déconnecté : aucun appel n’est plus signalé ici. Reconnectez-vous.']);
});

test('what Safari counts is shown each time', async () => {
  const { browser, notices } = set();
  browser.countsEveryPush = true;
  for (let i = 0; i < 2; i++) await notices.pushed({ type: 'session_ended', language: 'en' } as Pushed);
  expect(browser.log).toEqual(['Supervision', 'quietly Supervision']);
});
