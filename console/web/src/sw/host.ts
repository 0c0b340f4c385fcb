// What of the browser the worker uses: worker.ts has the real one, the tests have one that remembers.
import type { Answer } from '../api/client';
import type { PickedUp } from '../api/types';
import type { Choices, Sight, ToPage } from '../attention/messages';

/** What a notification carries. There is at most one for a call: its tag is the call's id. */
export interface Carried {
  /** ring: it rings. over: how it ended. outcome: what became of a pickup. session: nobody is signed in here, or soon will not be. */
  kind: 'ring' | 'over' | 'outcome' | 'session';
  call: string;
  since: string;
  title: string;
  body: string;
  phone: string;
  language: string;
  /** A pickup from this notification runs. */
  running: boolean;
  pickup: boolean;
  /** People's names, as far as a push message told them. */
  names: Record<string, string>;
}

export interface Shown { tag: string; carried: Carried; close(): void }

export interface Showing {
  title: string;
  body: string;
  tag: string;
  silent: boolean;
  lang: string;
  /** It stays until it is closed. */
  stays: boolean;
  timestamp: number;
  actions: { action: string; title: string }[];
  data: Carried;
}

export interface Window {
  id: string;
  focused: boolean;
  visible: boolean;
  post(message: ToPage): void;
  focus(): Promise<unknown>;
}

export interface Host {
  show(showing: Showing): Promise<void>;
  shown(): Promise<Shown[]>;
  /** Those of the console, and of nothing else that is at the same address. */
  windows(): Promise<Window[]>;
  open(): Promise<unknown>;
  /** Asks a window how it sees things. One that sleeps does not answer. */
  sight(window: Window): Promise<Sight | undefined>;
  pickUp(call: string, phone: string): Promise<Answer<PickedUp>>;
  /** Whether messages come also when no page is there. */
  pushed(): Promise<boolean>;
  choices(): Promise<Choices | undefined>;
  choose(choices: Choices): Promise<void>;
  /** Calls whose notification was closed by hand, as they were kept last. */
  dismissed(): Promise<string[]>;
  keepDismissed(calls: string[]): Promise<void>;
  badge(count: number): void;
  after(ms: number, f: () => void): void;
  /**
   * Safari takes the permission from a site that has received three messages without showing a notification for each, even if
   * its window is in front (developer.apple.com/documentation/usernotifications/sending-web-push-notifications-in-web-apps-and-browsers;
   * maxSilentPushCount in WebKit's WebPushDaemonConstants.h).
   */
  countsEveryPush: boolean;
}
