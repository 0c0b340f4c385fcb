// What people have chosen in this browser: each for themselves, for a browser may be several people's.
import { age as ageIn, choose, counted, text, type Language, type Values } from '../i18n/languages';
import { isSound, type SoundName } from '../attention/tunes';
import type { Key } from '../i18n/en';

export type Theme = 'system' | 'light' | 'dark';

interface Stored {
  language?: string; theme?: string; keys?: boolean; phone?: string;
  sound?: string; volume?: number; muted?: boolean; notify?: boolean; asked?: boolean; push?: boolean;
}
/** What holds here while nobody is signed in: how the page was last. A person's own choices stand behind it, with their id. */
const key = 'supervision';
const keyOf = (person: string): string => `${key}:${person}`;

/** A browser may forbid its stores; then choices last as long as the page. */
function load(from: () => Storage, name: string): Stored {
  try {
    return (JSON.parse(from().getItem(name) ?? '{}') ?? {}) as Stored;
  } catch {
    return {};
  }
}

function save(to: () => Storage, name: string, what: Stored): void {
  try {
    to().setItem(name, JSON.stringify(what));
  } catch {
    // As above.
  }
}

const lasting = () => localStorage;
const ofTab = () => sessionStorage;

class Prefs {
  private person = $state('');
  private last = $state.raw<Stored>(load(lasting, key));
  private own = $state.raw<Stored>({});
  /** What was chosen before the sign-in, in this tab: by who signs in then, also by way of a provider's page. */
  private before: Stored = load(ofTab, key);
  /** What the configuration says of who has signed in. */
  configured = $state('');

  private stored = $derived(this.person ? this.own : this.last);
  language: Language = $derived(choose(this.stored.language, this.configured, ...navigator.languages));
  theme: Theme = $derived(this.stored.theme === 'light' || this.stored.theme === 'dark' ? this.stored.theme : 'system');
  keys: boolean = $derived(this.own.keys ?? true);
  phone: string = $derived(this.own.phone ?? '');
  sound: SoundName = $derived(isSound(this.own.sound) ? this.own.sound : 'chime');
  /** From 0 to 1. */
  volume: number = $derived(this.own.volume ?? 0.6);
  muted: boolean = $derived(this.own.muted ?? false);
  /** Notifications, where the browser allows them. */
  notify: boolean = $derived(this.own.notify ?? true);
  /** The question about notifications has been answered with no. */
  asked: boolean = $derived(this.own.asked ?? false);
  /** Web Push was turned on in this browser. */
  push: boolean = $derived(this.own.push ?? false);

  constructor() {
    // What is chosen in one page holds in the others at once: it is the other one that may be sounding.
    window.addEventListener('storage', (e) => {
      if (e.key === key || e.key === null) this.last = load(lasting, key);
      if (this.person && (e.key === keyOf(this.person) || e.key === null)) this.own = load(lasting, keyOf(this.person));
    });
  }

  /** Somebody has signed in. */
  enter(person: string, configured: string): void {
    this.person = person;
    this.configured = configured;
    this.own = load(lasting, keyOf(person));
    if (Object.keys(this.before).length > 0) this.set(this.before);
    this.before = {};
    save(ofTab, key, {});
    this.remember();
  }

  /** That person is not signed in any more. */
  leave(person: string): void {
    if (this.person !== person) return;
    this.remember();
    this.person = this.configured = '';
    this.own = {};
  }

  set(change: Stored): void {
    if (!this.person) {
      this.before = { ...this.before, ...change };
      save(ofTab, key, this.before);
      this.last = { ...this.last, ...change };
      save(lasting, key, this.last);
      return;
    }
    this.own = { ...this.own, ...change };
    save(lasting, keyOf(this.person), this.own);
    this.remember();
  }

  /** Who comes to the sign-in next finds the page as it was last. */
  private remember(): void {
    const { language, theme } = this;
    if (this.last.language === language && this.last.theme === theme) return;
    this.last = { language, theme };
    save(lasting, key, this.last);
  }
}

export const prefs = new Prefs();

export const t = (k: Key, values?: Values): string => text(prefs.language, k, values);
export const n = (k: Parameters<typeof counted>[1], count: number): string => counted(prefs.language, k, count);
export const age = (ms: number, seconds = false): string => ageIn(prefs.language, ms, seconds);

export function clockTime(iso: string): string {
  return new Intl.DateTimeFormat(prefs.language, { timeStyle: 'short' }).format(new Date(iso));
}

/** A time of the day, with the day if that is another than now is. */
export function moment(iso: string, now: number): string {
  const then = new Date(iso);
  if (then.toDateString() === new Date(now).toDateString()) return clockTime(iso);
  return new Intl.DateTimeFormat(prefs.language, { dateStyle: 'medium', timeStyle: 'short' }).format(then);
}
