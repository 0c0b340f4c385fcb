// The languages that there are, and how a text is made from a key.
import { de } from './de';
import { en, type Key, type Messages } from './en';
import { es } from './es';
import { fr } from './fr';

export const languages = { de, en, fr, es } satisfies Record<string, Messages>;
export type Language = keyof typeof languages;
export const names: Record<Language, string> = { de: 'Deutsch', en: 'English', fr: 'Français', es: 'Español' };

export type Values = Record<string, string | number>;

export function isLanguage(tag: string): tag is Language {
  return Object.hasOwn(languages, tag);
}

/** The first of some language tags (de, en_GB, fr-CH) that there is; otherwise English. */
export function choose(...tags: (string | null | undefined)[]): Language {
  for (const tag of tags) {
    const primary = (tag ?? '').toLowerCase().split(/[-_]/)[0] ?? '';
    if (isLanguage(primary)) return primary;
  }
  return 'en';
}

/** What decides about the direction of what stands beside it: letters that are written from the right, and Unicode's controls. */
const turning = /[\u0590-\u08ff\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/**
 * A name from outside as it may stand in a text, where there is no markup for it: what stands around it stays where it is, in whatever
 * direction the name is written (UAX #9: FSI … PDI). It closes what it opens, and nothing else.
 */
export function isolated(name: string): string {
  if (!turning.test(name)) return name;
  let open = 0;
  let inside = '';
  for (const c of name) {
    if (c === '\u2069' && open === 0) continue;
    if (c === '\u2069') open--;
    else if (c >= '\u2066' && c <= '\u2068') open++;
    inside += c;
  }
  return `\u2068${inside}${'\u2069'.repeat(open)}\u2069`;
}

export function text(language: Language, key: Key, values: Values = {}): string {
  const messages: Messages = languages[language];
  return messages[key].replace(/\{(\w+)\}/g, (all, name: string) => (name in values ? isolated(String(values[name])) : all));
}

/** Keeps what was made for each key: Intl's objects are quick to ask, and slow to make. */
function kept<K, V>(make: (key: K) => V): (key: K) => V {
  const made = new Map<K, V>();
  return (key) => {
    let one = made.get(key);
    if (one === undefined) made.set(key, (one = make(key)));
    return one;
  };
}

const plurals = kept((language: Language) => new Intl.PluralRules(language));
const units = kept((language: Language) => kept((unit: string) => new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' })));

type Counted = { [K in Key]: K extends `${infer Base}.one` ? Base : never }[Key];

/** A text that depends on a number: one, or any other (CLDR; French and Spanish millions are read as other). */
export function counted(language: Language, key: Counted, count: number): string {
  const one = plurals(language).select(count) === 'one';
  const full: Key = one ? `${key}.one` : `${key}.other`;
  return text(language, full, { count });
}

/** How long something is, short: 7 s, 3 min, 2 h, 4 d. Seconds are counted to two minutes if they matter. */
export function age(language: Language, ms: number, seconds: boolean): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const unit = (value: number, name: string) => units(language)(name).format(value);
  if (s < 60) return seconds ? unit(s, 'second') : `< ${unit(1, 'minute')}`;
  if (seconds && s < 600) return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')} min`;
  if (s < 3600) return unit(Math.floor(s / 60), 'minute');
  if (s < 86_400) return unit(Math.floor(s / 3600), 'hour');
  return unit(Math.floor(s / 86_400), 'day');
}
