// What a person has before them of the console: the filter, the group, what they look for. It is theirs as long as the tab has it, also
// when the page is loaded anew by itself, or their session ends and they sign in again.
import { filters, type Filter } from './find';

interface Kept { person: string; filter: Filter; only: string; query: string }
const key = 'supervision-looking';

function take(): Partial<Kept> {
  try {
    const kept = JSON.parse(sessionStorage.getItem(key) ?? '{}') as Partial<Kept>;
    sessionStorage.removeItem(key);
    return kept;
  } catch {
    return {}; // A browser may forbid its store.
  }
}

class Looking {
  filter = $state<Filter>('all');
  only = $state('');
  query = $state('');

  /** Somebody signs in: what was kept is theirs, or nobody's. */
  enter(person: string): void {
    const kept = take();
    const mine = kept.person === person;
    this.filter = mine && kept.filter !== undefined && filters.includes(kept.filter) ? kept.filter : 'all';
    this.only = mine ? (kept.only ?? '') : '';
    this.query = mine ? (kept.query ?? '') : '';
  }

  /** It is to be there again for this person. */
  keep(person: string): void {
    const kept: Kept = { person, filter: this.filter, only: this.only, query: this.query };
    try {
      sessionStorage.setItem(key, JSON.stringify(kept));
    } catch {
      // As above.
    }
  }
}

export const looking = new Looking();
