// What the pages of one browser tell each other, so that none waits for the daemon to say it: who has signed in, and who out.
export type TabMessage = { in: string } | { out: string };

const channel = new BroadcastChannel('supervision-session');

/** Tells all other pages of this browser. */
export function tellTabs(message: TabMessage): void {
  channel.postMessage(message);
}

export function hearTabs(heard: (message: TabMessage) => void): void {
  channel.onmessage = (e) => heard(e.data as TabMessage);
}
