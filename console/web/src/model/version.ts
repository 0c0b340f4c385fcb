// Whether the daemon has a newer page than this one: a page that is open for months would never know.

/** What of a page is made by the build, by its names: they have digests in them. Empty: it is none of ours. */
export function partsOf(html: string): string {
  const parts = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+\.(?:js|css))"/g)].map((m) => m[1]);
  return [...new Set(parts)].sort().join(' ');
}

/** Those of the page that runs here. While one develops there are none. */
export const mine = typeof document === 'undefined' ? '' : partsOf(document.documentElement.outerHTML);

/** Those of the page that would be loaded now; empty where that cannot be told. At this path the service worker answers nothing that it has stored. */
export async function current(): Promise<string> {
  try {
    const response = await fetch('/index.html', { cache: 'no-store', signal: AbortSignal.timeout(20_000) });
    return response.ok ? partsOf(await response.text()) : '';
  } catch {
    return '';
  }
}

/** When it is looked again, in ms: a daemon that was just started may not have answered, and then as long as the connection lives. */
export const soon = 30_000;
export const later = 3600_000;

/** Looks now, soon, and from time to time. Returns its end. */
export function keepLooking(look: () => void): () => void {
  let timer = setTimeout(next, soon);
  function next(): void {
    look();
    timer = setTimeout(next, later);
  }
  look();
  return () => clearTimeout(timer);
}

export interface Moment {
  hidden: boolean;
  /** Something rings, or nobody knows whether it does. */
  rings: boolean;
  /** Somebody is in the midst of something that a page loaded anew would not have any more. */
  busy: boolean;
  /** The browser might keep the new page silent until somebody clicks in it. */
  silenced: boolean;
  /** For how long nobody has typed or pointed, in ms. */
  quietFor: number;
}

/** How long that is at least before a page is changed under somebody's eyes, in ms. */
export const calm = 60_000;

/** Whether the page may load itself anew. Otherwise somebody is asked to. */
export function mayReload(m: Moment): boolean {
  return !m.rings && !m.busy && !m.silenced && (m.hidden || m.quietFor >= calm);
}
