// What a page does so that nobody misses a call: the sound, and what the service worker is told. One for each board.
import { untrack } from 'svelte';
import { chosenPhone, pickedUp } from '../model/commands';
import type { Board } from '../model/board.svelte';
import { prefs, t } from '../model/prefs.svelte';
import { wordsOf } from '../model/refusals';
import { alertsOf, isTold, sounds, supervises, toTell, trust } from './alerts';
import { Link, workers } from './link';
import { permitted, Player } from './player';
import { discard, holds, subscribe, support, unsubscribe, type PushResult, type PushState } from './push';
import { Turn } from './turn';

export type Allowed = NotificationPermission | 'unsupported' | 'insecure';
/** sounds: this page does. elsewhere: another page of this browser does, or is about to. */
export type Sounding = 'quiet' | 'sounds' | 'elsewhere';

export class Attendance {
  allowed = $state<Allowed>(allowedNow());
  push = $state<PushState>('off');
  pushFailed = $state.raw<PushResult>();
  pushRuns = $state(false);
  /** Why it could not be turned on; empty: it could, or was not tried. */
  pushWhy = $derived.by(() => {
    const result = this.pushFailed;
    if (!result || 'state' in result) return '';
    if ('failed' in result) return t('push.failed.browser');
    const { key, values } = wordsOf(result.refused, (id) => id);
    return t(key, values);
  });
  /** It is wanted in this browser, and is off: the daemon was just starting, perhaps, or the push service away. */
  private pushLacks = $derived.by(() => prefs.push && this.push === 'off' && this.allowed === 'granted');
  /** Who relies on it is told that it is off. Without a connection that is said of everything. */
  pushLost = $derived.by(() => this.board.live && this.told && this.pushLacks && this.pushWhy !== '');
  private asleep = $state(false);
  private trusted = $state(false);
  private audible = $state(false);
  /** Whether the browser lets this page sound: it has been seen to, and has not refused since. */
  private unlocked = $state(false);
  private probed = $state(false);
  /** It did so without anybody having clicked: so will a page that is loaded anew. */
  private free = $state(false);
  private mine = $state(false);
  private focused = $state(watched());

  /** What rings, as long as that can be known. */
  private ringing = $derived.by(() => {
    const { board } = this;
    return this.trusted && !this.asleep ? toTell({ account: board.account, ringing: board.ringing, groups: board.tables.groups, attempts: board.attempts }) : [];
  });
  /** Whether calls may ring for this person. Nobody else is asked for anything. */
  told = $derived.by(() => isTold(this.board.account.id, this.board.tables.groups.values()));
  /** Whether they could, once this person logs in: to nobody else is sound, notification or push offered. */
  supervises = $derived.by(() => supervises(this.board.account.id, this.board.tables.groups.values()));
  private sound = $derived.by(() => !prefs.muted && prefs.sound !== 'none' && this.told);
  private wanted = $derived(this.sound && sounds(this.ringing));
  /** The browser wants a click before this page may sound. Said also while nothing rings: then it is too late. */
  blocked = $derived(this.sound && this.probed && !this.unlocked);
  /** Whether calls might make no sound any more, were the page loaded anew. */
  wouldBeSilent = $derived(this.sound && this.unlocked && !this.free && !clicksLast);
  sounding = $derived<Sounding>(this.wanted && this.audible ? (this.mine ? 'sounds' : 'elsewhere') : 'quiet');
  private alerts = $derived.by(() => {
    const { board } = this;
    if (!prefs.notify || this.allowed !== 'granted') return [];
    const told = { account: board.account, nameOf: board.nameOf, groups: board.tables.groups, language: prefs.language, phone: chosenPhone(board) ?? '', pickup: board.pbx && board.hindrance === '', silent: !this.blocked };
    return alertsOf(this.ringing, told);
  });

  private readonly player = new Player(() => {
    this.audible = this.player.sounding;
    this.unlocked ||= this.audible;
  });
  private readonly turn = new Turn(navigator.locks as ConstructorParameters<typeof Turn>[0], (mine) => (this.mine = mine));
  private readonly link: Link;
  /** The worker's, as soon as it is known whether there can be one. Who is faster than that waits. */
  private found: Promise<ServiceWorkerRegistration | undefined> | undefined;
  private registration: ServiceWorkerRegistration | undefined;

  constructor(private readonly board: Board) {
    this.link = new Link({
      sight: () => ({
        live: this.trusted && !this.asleep,
        focused: watched(),
        rings: untrack(() => (board.pbx ? board.ringing.length : 0)), // the page's own badge follows it
        alerts: $state.snapshot(this.alerts),
      }),
      outcome: (answer) => pickedUp(board, answer),
    });
  }

  /** To be called while a component begins: its effects end with it. */
  attend(): void {
    const ends = new AbortController();
    const { signal } = ends;
    const { board } = this;
    $effect(() => () => {
      ends.abort();
      // The session is over, or another has begun. Who relies on being told is told that, if nobody signed out by hand.
      const told = board.ended && prefs.notify && this.allowed === 'granted' && isTold(board.account.id, board.tables.groups.values());
      this.link.say(told ? { type: 'ended', language: prefs.language } : { type: 'out' });
      this.link.stop();
      this.turn.want(false);
      this.player.close();
    });
    this.trustWhileLive();
    this.soundWhileItRings();
    $effect(() => {
      void this.alerts;
      void this.focused;
      if (this.trusted && !this.asleep) this.link.see();
      else if (this.everTrusted && !this.asleep) this.link.say({ type: 'lost' });
    });
    $effect(() => this.link.say({ type: 'choices', choices: { language: prefs.language, phone: chosenPhone(this.board) ?? '' } }));
    this.keepPush();
    const look = () => (this.focused = watched());
    window.addEventListener('focus', look, { signal });
    window.addEventListener('blur', look, { signal });
    document.addEventListener('visibilitychange', look, { signal });
    // Any click or key will do for a browser that keeps pages silent.
    const touched = () => this.blocked && this.allowSound();
    document.addEventListener('pointerup', touched, { signal });
    document.addEventListener('keydown', touched, { signal });
    const sleep = () => {
      this.asleep = true;
      this.trusted = false; // when it wakes, only what it is told then counts
      this.link.say({ type: 'gone' });
      this.player.stop();
      this.turn.want(false);
    };
    document.addEventListener('freeze', sleep, { signal });
    window.addEventListener('pagehide', sleep, { signal });
    const wake = () => (this.asleep = false);
    document.addEventListener('resume', wake, { signal });
    window.addEventListener('pageshow', wake, { signal });
    void navigator.permissions?.query({ name: 'notifications' }).then((status) => {
      status.addEventListener('change', () => (this.allowed = allowedNow()), { signal });
    }, () => undefined);
    void this.begin();
  }

  private everTrusted = false;

  /** What was seen last is taken for what is for two seconds after the connection has gone, or the daemon's to the PBX. */
  private trustWhileLive(): void {
    $effect(() => {
      if (this.asleep) return; // and when it has woken it is looked again, even if the board never noticed
      if (this.board.pbx) {
        this.trusted = this.everTrusted = true;
        return;
      }
      const timer = setTimeout(() => (this.trusted = false), trust);
      return () => clearTimeout(timer);
    });
  }

  private soundWhileItRings(): void {
    $effect(() => {
      if (this.wanted) void this.wake();
      else this.player.rest();
    });
    // Whether the browser will allow it is asked before anything rings: then it would be too late.
    $effect(() => {
      if (!this.sound || untrack(() => this.probed)) return;
      void permitted().then((yes) => {
        this.unlocked ||= yes;
        this.free = yes && navigator.userActivation?.hasBeenActive === false;
        this.probed = true;
      });
    });
    $effect(() => this.turn.want(this.wanted && this.audible));
    $effect(() => {
      const { sound } = prefs;
      if (this.sounding !== 'sounds' || sound === 'none') return;
      this.player.play(sound, untrack(() => prefs.volume), true);
      return () => this.player.stop();
    });
    $effect(() => this.player.setVolume(prefs.volume));
  }

  /** What is wanted is looked after whenever the line is back, and tried again while it is not had. */
  private keepPush(): void {
    const { board } = this;
    $effect(() => {
      if (!board.live) return;
      this.pushFailed = undefined; // it was of before
      void untrack(() => this.lookAtPush());
    });
    $effect(() => {
      if (!board.live || !this.pushLacks || this.pushRuns) return;
      const timer = setTimeout(() => void this.lookAtPush(), pushAgain);
      return () => clearTimeout(timer);
    });
  }

  private async begin(): Promise<void> {
    this.found = this.link.start();
    this.registration = await this.found;
    this.link.say({ type: 'choices', choices: { language: prefs.language, phone: chosenPhone(this.board) ?? '' } });
    const lacks = support({
      push: this.registration !== undefined && 'pushManager' in this.registration,
      agent: navigator.userAgent,
      touch: navigator.maxTouchPoints,
      installed: matchMedia('(display-mode: standalone)').matches,
    });
    this.push = lacks ?? 'off';
    // Who had it on in this browser has it again: a daemon forgets it with the session.
    await this.lookAtPush();
  }

  /**
   * Has push be on where it is wanted. A push service may have ended the subscription, and told nobody but the daemon: then a new one is
   * made.
   */
  async lookAtPush(): Promise<void> {
    const { registration } = this;
    if (!registration || this.pushRuns || !prefs.push) return;
    if (this.push === 'on') {
      if ((await holds(registration)) !== false) return;
      await discard(registration);
    } else if (!this.pushLacks) return;
    await this.setPush(true);
  }

  /** The session is another, and push was the old one's. */
  async renewPush(): Promise<void> {
    if (this.push === 'on') await this.setPush(true);
  }

  /** Asks for the permission; to be called by a click, and by nothing else. */
  async ask(): Promise<void> {
    if (this.allowed === 'default') await Notification.requestPermission();
    this.allowed = allowedNow();
    prefs.set({ notify: true });
  }

  async setPush(on: boolean): Promise<void> {
    if (this.pushRuns) return;
    this.pushRuns = true;
    const registration = await this.found;
    if (!registration || this.push === 'unsupported' || this.push === 'install') {
      this.pushRuns = false;
      return;
    }
    if (!on) {
      await unsubscribe(registration);
      this.push = 'off';
      this.pushFailed = undefined;
      prefs.set({ push: false });
    } else {
      const result = await subscribe(registration);
      this.push = 'state' in result ? result.state : 'off';
      this.pushFailed = 'state' in result ? undefined : result;
      if ('state' in result) prefs.set({ push: true });
    }
    this.pushRuns = false;
  }

  /** Its person has signed out: nothing of it stays on this device. The daemon has forgotten push with the session. */
  forget(): void {
    this.link.say({ type: 'out' });
    this.player.stop();
    prefs.set({ push: false });
    if (this.registration) void discard(this.registration);
  }

  private async wake(): Promise<void> {
    this.unlocked = await this.player.wake();
    this.probed = true;
  }

  /** Plays the chosen sound once. */
  async trySound(): Promise<void> {
    await this.wake();
    if (prefs.sound !== 'none' && this.sounding !== 'sounds') this.player.play(prefs.sound, prefs.volume, false);
  }

  /** By a click: browsers let a page sound after that. */
  allowSound(): void {
    void this.wake();
  }
}

/** How long after it could not be turned on push is tried again, in ms. */
const pushAgain = 60_000;

/** Chromium takes a click in a page also for the one that is loaded in its place (seen in 156); others have not been seen to. */
const clicksLast = 'userAgentData' in navigator;

/** Whether somebody looks at this page: a hidden one may still say that it has the focus. */
const watched = (): boolean => document.visibilityState === 'visible' && document.hasFocus();

function allowedNow(): Allowed {
  if (!window.isSecureContext) return 'insecure';
  return 'Notification' in window && workers ? Notification.permission : 'unsupported';
}
