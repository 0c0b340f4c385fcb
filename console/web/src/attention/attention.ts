// How the page calls for attention from outside of itself: its title, its icon in the tab, the badge of an installed app.
import { Paced } from './paced';

const size = 32;
let plainIcon = '';
const drawnIcons = new Map<string, string>();
let pending: (() => void) | undefined;

interface Shown { title: string; first: string; count: number }

/** On a wall calls come and go 20 times a second; a tab's title or icon that flickers tells nobody anything. In ms. */
const pace = 300;
const paced = new Paced<Shown>(afterPicture, pace, (told, { count }) => (told?.count ?? 0) === 0 || count === 0);

/** Title, icon and badge: at once that something rings or that nothing does any more, otherwise a few times a second. */
export function show(title: string, first: string, count: number): void {
  paced.put({ title, first, count });
}

/** After the next picture of the page, for a call's row comes first. A page that is hidden paints none. */
function afterPicture({ title, first, count }: Shown): void {
  const waits = pending !== undefined;
  pending = () => {
    document.title = count > 0 ? `(${count}) ${first} · ${title}` : title;
    marks(count);
  };
  if (document.hidden) now();
  else if (!waits) requestAnimationFrame(() => setTimeout(now));
}

/** Nobody is to be called any more. The title is that of what comes then. */
export function rest(): void {
  paced.forget();
  pending = undefined;
  marks(0);
}

function marks(count: number): void {
  icon(count);
  // Not every browser has badges, and one that has may refuse.
  if ('setAppBadge' in navigator) void (count > 0 ? navigator.setAppBadge(count) : navigator.clearAppBadge()).catch(() => undefined);
}

function now(): void {
  pending?.();
  pending = undefined;
}
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) return;
  paced.flush();
  now();
});

function icon(count: number): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel=icon]');
  if (!link) return;
  plainIcon ||= link.href;
  const href = count > 0 ? drawn(count) : plainIcon;
  if (link.href !== href) {
    link.type = count > 0 ? 'image/png' : 'image/svg+xml';
    link.href = href;
  }
}

function drawn(count: number): string {
  const text = count > 99 ? '99+' : String(count);
  const icon = drawnIcons.get(text) ?? draw(text);
  drawnIcons.set(text, icon);
  return icon;
}

function draw(text: string): string {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size;
  const c = canvas.getContext('2d');
  if (!c) return plainIcon;
  c.fillStyle = '#b91c1c';
  c.beginPath();
  c.arc(size / 2, size / 2, size / 2, 0, 2 * Math.PI);
  c.fill();
  c.fillStyle = '#fff';
  c.font = `bold ${text.length > 1 ? 17 : 22}px sans-serif`;
  c.textAlign = 'center';
  c.textBaseline = 'middle';
  c.fillText(text, size / 2, size / 2 + 1);
  return canvas.toDataURL('image/png');
}
