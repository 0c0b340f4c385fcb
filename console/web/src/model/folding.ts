// Names and numbers as they are compared: people write one in several ways.
import transliterate from '@sindresorhus/transliterate';

const ascii = /^[\0-\x7f]*$/;

/**
 * How a text is written in plain small letters: with the letters that its own look like, and as Germans and Danes spell them out. José
 * is "jose", Müller "muller" and "mueller", Łukasz "lukasz", Søren "soren" and "soeren".
 */
export function spellings(text: string): string[] {
  if (ascii.test(text)) return [text.toLowerCase()];
  const typed = text.replace(/[‘’ʼ]/g, "'");
  const alike = transliterate(typed.normalize('NFD').replace(/\p{M}/gu, '')).toLowerCase();
  const spelled = transliterate(typed, { locale: 'da' }).toLowerCase(); // ä, ö and ü without a locale
  return spelled === alike ? [alike] : [alike, spelled];
}

/** What a number is written with, for people to read. */
const strokes = /[\s()/.\p{Pd}]/gu;
/** The prefix of a national number, which does not belong to the international one: +49 (0)30. Who still types has not closed it. */
const trunk = /^(\s*(?:\+|00)[^(]*)\(0\)?/;
/** Shorter ones are extensions: these are not written in another way. */
const outside = 6;

/** A number as the PBX writes it; empty: it is none. */
export function numberOf(text: string): string {
  const number = text.replace(trunk, '$1').replace(strokes, '');
  return /^\+?[\d*#]+$/.test(number) ? number : '';
}

/** Whether what is looked for is in a number, or is the same one written internationally or nationally. */
export function inNumber(sought: string, number: string): boolean {
  if (number.includes(sought)) return true;
  const [abroad, home] = [international(sought), national(sought)];
  if (abroad.length > 0) {
    const own = national(number);
    return (international(number) || number).startsWith(abroad) || (own.length >= outside && abroad.endsWith(own));
  }
  return home.length >= outside && international(number).endsWith(home);
}

/** The digits from the country's code on; empty: it is not written so. */
const international = (number: string): string => /^(?:\+|00)(\d+)$/.exec(number)?.[1] ?? '';
/** The digits behind the prefix of a national number; empty: it is not written so. */
const national = (number: string): string => /^0([1-9]\d*)$/.exec(number)?.[1] ?? '';
