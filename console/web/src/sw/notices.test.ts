import { expect, test, vi } from 'vitest';
import { alert, call, clickOn, over, rings, sees, set } from './fakebrowser';
import { Notices, type Pushed } from './notices';

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
  const other = browser.tab('b', sees(alert('c1')), 'focused');
  await notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'a');
  await notices.pushed(rings);
  expect(browser.log).toEqual([]);
  // The page in front has no connection, or is the one for signing in.
  other.sees = { ...sees(), live: false };
  await notices.told({ type: 'sight', sight: sees(alert('c1')) }, 'a');
  other.sees = undefined;
  await notices.pushed({ ...rings, call: call({ id: 'c2' }) });
  expect(browser.log).toEqual(['caller of c1', '<b>Fatma (106)']);
});

test('what a push message told to who sees no connection goes when there is one', async () => {
  const { browser, notices } = set();
  const tab = browser.tab('a', { ...sees(), live: false }, 'focused');
  await notices.pushed(rings);
  expect(browser.texts).toHaveLength(1);
  tab.sees = { ...sees(alert('c1')), focused: true };
  await notices.told({ type: 'sight', sight: tab.sees }, 'a');
  expect(browser.texts).toEqual([]);
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
  expect(browser.texts).toEqual(['Supervision: Over']);
  await notices.pushed(rings);
  expect(browser.log.every((l) => l.startsWith('quietly'))).toBe(true);
  await browser.late();
  expect(browser.texts).toEqual([]);
});

test('a ring that comes after its end says how it ended', async () => {
  const { browser, notices } = set();
  await notices.pushed(over);
  await browser.late();
  await notices.pushed(rings);
  expect(browser.texts).toEqual(['<b>Fatma (106): Ben Okafor hat abgehoben']);
  expect(browser.notifications.get('c1')).toMatchObject({ silent: true, stays: false, actions: [] });
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
