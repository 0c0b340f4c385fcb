// Calls come and go by themselves, and what lies beside them moves. So a button that has just come, or has just moved under a pointer,
// takes no press: it would pick up another call than the one that was aimed at.

/** Nobody sees where something lies, decides and presses within this time, in ms. */
const settled = 350;
/** By so many CSS pixels something may move and is still hit. */
const near = 6;

/** Where is not known before the next picture, nor while what it lies in is not laid out because it is far away. */
interface Place { where: { left: number; top: number } | undefined; since: number }

const places = new Map<Element, Place>();
let frame = 0;
let scrolled = false;

const far = (a: { left: number; top: number }, b: { left: number; top: number }): boolean => Math.abs(a.left - b.left) + Math.abs(a.top - b.top) > near;

/** On a wall most buttons are in groups that are out of sight (content-visibility): to ask where they lie would have them laid out. */
const laidOut = (button: Element): boolean => button.checkVisibility?.({ contentVisibilityAuto: true }) ?? true;

function look(): void {
  const since = performance.now();
  for (const [button, place] of places) {
    const where = laidOut(button) ? button.getBoundingClientRect() : undefined;
    if (where && place.where && !scrolled && far(place.where, where)) place.since = since;
    if (!where || !place.where || far(place.where, where)) place.where = where;
  }
  scrolled = false;
  frame = places.size > 0 ? requestAnimationFrame(look) : 0;
}

/** All has been moved, and not by who presses. */
export function unsettle(): void {
  const since = performance.now();
  for (const place of places.values()) Object.assign(place, { where: undefined, since });
}

// Who scrolls moves it all, and knows.
document.addEventListener('scroll', () => (scrolled = true), { capture: true, passive: true });

/** Svelte's action: looks where a button lies as long as it is there. Not at once: the page would be laid out for each that comes. */
export function aim(button: Element): { destroy(): void } {
  places.set(button, { where: undefined, since: performance.now() });
  frame ||= requestAnimationFrame(look);
  return { destroy: () => void places.delete(button) };
}

/** Whether what has been so since a time (performance.now) can have been seen by who presses now. */
export const meant = (since: number): boolean => performance.now() - since >= settled;

/** Whether a press was meant for the button that it hits. One by a key always is: the button had the focus. */
export function aimed(e: MouseEvent): boolean {
  const button = e.currentTarget as Element;
  const place = places.get(button);
  if (e.detail === 0 || !place) return true;
  return meant(place.since) && (scrolled || !place.where || !far(place.where, button.getBoundingClientRect()));
}
