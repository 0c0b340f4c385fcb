// The app's files in the browser's store, so that an installed app opens without a network, and says itself that it reconnects.
// What the daemon knows (/api) is never stored.

/** How long the network has for the page itself. After that what is stored is shown: it is the same or a version older. */
const patience = 2_000;

export interface Shell {
  /** Of what is built: another build has another. */
  version: string;
  files: string[];
}

const prefix = 'shell-';

export async function install(shell: Shell): Promise<void> {
  const cache = await caches.open(prefix + shell.version);
  // Past the browser's own cache, except what has a digest in its name.
  await cache.addAll(shell.files.map((path) => new Request(path, { cache: path.startsWith('/assets/') ? 'default' : 'reload' })));
}

/** Those of other versions go. Pages that are open have loaded all that they need. */
export async function clean(shell: Shell): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith(prefix) && name !== prefix + shell.version) await caches.delete(name);
}

/** What answers a request; undefined: the network does, as if there were no worker. */
export function answer(shell: Shell, request: Request): Promise<Response> | undefined {
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin || !shell.files.includes(url.pathname)) return undefined;
  return url.pathname === '/' ? newest(shell, request) : stored(shell, request);
}

async function stored(shell: Shell, request: Request): Promise<Response> {
  const cache = await caches.open(prefix + shell.version);
  return (await cache.match(request, { ignoreSearch: true })) ?? fetch(request);
}

/** The page from the network, and what is stored if that does not come or something in between is broken. */
async function newest(shell: Shell, request: Request): Promise<Response> {
  const cache = await caches.open(prefix + shell.version);
  const kept = await cache.match('/');
  const fresh = fetch(request);
  if (!kept) return fresh;
  const late = new Promise<Response>((resolve) => setTimeout(() => resolve(kept), patience));
  const good = fresh.then(
    (response) => (response.status >= 500 ? kept : response),
    () => kept,
  );
  return Promise.race([good, late]);
}
