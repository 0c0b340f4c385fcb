// What a person has chosen in this browser.
import { age as ageIn, choose, counted, text, type Language, type Values } from '../i18n/languages';
import { isSound, type SoundName } from '../attention/tunes';
import type { Key } from '../i18n/en';

export type Theme = 'system' | 'light' | 'dark';

interface Stored {
  language?: string; theme?: string; keys?: boolean; phone?: string;
  sound?: string; volume?: number; muted?: boolean; notify?: boolean; asked?: boolean; push?: string;
}
const key = 'supervision';

/** A browser may forbid its store; then choices last as long as the page. */
function load(): Stored {
  try {
    return (JSON.parse(localStorage.getItem(key) ?? '{}') ?? {}) as Stored;
  } catch {
    return {};
  }
}

class Prefs {
  private stored = $state.raw<Stored>(load());
  /** What the configuration says of who has signed in. */
  configured = $state('');

  language: Language = $derived(choose(this.stored.language, this.configured, ...navigator.languages));
  theme: Theme = $derived(this.stored.theme === 'light' || this.stored.theme === 'dark' ? this.stored.theme : 'system');
  keys: boolean = $derived(this.stored.keys ?? true);
  phone: string = $derived(this.stored.phone ?? '');
  sound: SoundName = $derived(isSound(this.stored.sound) ? this.stored.sound : 'chime');
  /** From 0 to 1. */
  volume: number = $derived(this.stored.volume ?? 0.6);
  muted: boolean = $derived(this.stored.muted ?? false);
  /** Notifications, where the browser allows them. */
  notify: boolean = $derived(this.stored.notify ?? true);
  /** The question about notifications has been answered with no. */
  asked: boolean = $derived(this.stored.asked ?? false);
  /** Who has turned on Web Push in this browser; another person has not. */
  push: string = $derived(this.stored.push ?? '');

  constructor() {
    // What is chosen in one page holds in the others at once: it is the other one that may be sounding.
    window.addEventListener('storage', (e) => {
      if (e.key === key || e.key === null) this.stored = load();
    });
  }

  set(change: Stored): void {
    this.stored = { ...this.stored, ...change };
    try {
      localStorage.setItem(key, JSON.stringify(this.stored));
    } catch {
      // As above.
    }
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
