import { expect, test } from 'vitest';
import { alert, clickOn, over, rings, sees, set } from './fakebrowser';

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

test('a page for signing in says nothing of it', async () => {
  const { browser, notices } = set();
  const tab = browser.tab('a', undefined, 'visible');
  await notices.pushed(rings);
  await clickOn(browser, notices, 'pickup');
  expect(tab.post).not.toHaveBeenCalledWith(expect.objectContaining({ type: 'outcome' }));
  expect(browser.texts).toEqual(['<b>Fatma (106): Sie haben den Anruf für Ben Okafor angenommen.']);
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

test.each([
  ['PJSIP/101', ['PJSIP/101', ''], 0],
  ['', ['PJSIP/101', ''], 0],
  ['PJSIP/101-home', ['PJSIP/101', ''], 1],
  ['', ['PJSIP/101-home'], 1],
  ['', undefined, 1],
])('with the phone %o, while %o are away, a push message offers a pickup or none', async (phone, away, offered) => {
  const { browser, notices } = set();
  browser.kept = { language: 'en', phone };
  await notices.pushed({ ...rings, pickup: true, away });
  expect(browser.notifications.get('c1')!.actions.length).toBe(offered);
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
