// Calls in words, for notifications: without a page, and in a language that is given.
import type { Call } from '../api/types';
import { counted, isolated, text, type Language } from '../i18n/languages';

export interface Saying {
  language: Language;
  /** Who is told. */
  me: string;
  nameOf(person: string): string;
  groupOf(group: string): string | undefined;
}

export function callerIn(language: Language, call: Call): string {
  const { name, number, withheld } = call.caller;
  if (withheld) return text(language, 'calls.withheld');
  if (name && number) return `${isolated(name)} (${number})`;
  return name || number || text(language, 'calls.unknown');
}

/** For whom it rings, and through what. Names and numbers stay as they are: nobody reads markup in them. (What turns the direction of a text is kept to itself.) */
export function wayIn(call: Call, s: Saying): string {
  const [first, ...others] = call.ringing;
  const parts: string[] = [];
  if (first) {
    const name = first.person === s.me ? text(s.language, 'calls.you') : isolated(s.nameOf(first.person));
    parts.push(`${text(s.language, 'calls.for')} ${name}${others.length > 0 ? ' ' + counted(s.language, 'calls.more', others.length) : ''}`);
  }
  const groups = new Set(call.ringing.flatMap((p) => p.groups));
  for (const id of groups) {
    const name = s.groupOf(id);
    if (name) parts.push(isolated(name));
  }
  for (const v of call.via) parts.push(text(s.language, `calls.via.${v.kind}`, { number: v.name || v.number }));
  return parts.join(' · ');
}

/** Who is picking it up. */
export const pickingIn = (language: Language, call: Call): string => text(language, 'pickup.by', { by: call.picking_up_by_name });

/** How it ended, and who has it. */
export function endIn(call: Call, s: Saying): string {
  switch (call.state) {
    case 'ringing':
      return '';
    case 'answered':
      return text(s.language, 'over.answered', { person: call.answered_by_name || s.nameOf(call.answered_by) });
    case 'picked_up':
      return text(s.language, 'over.picked_up', { by: call.picked_up_by_name || s.nameOf(call.picked_up_by), person: call.on_behalf_of_name || s.nameOf(call.on_behalf_of) });
    default:
      return text(s.language, `over.${call.state}`);
  }
}
