// What the page and its service worker say to each other. A page may be older than the worker, or younger: what one does not
// know it passes over.
import type { Answer } from '../api/client';
import type { PickedUp } from '../api/types';

/** A call of which its person is to be told, in words that are ready to be shown. */
export interface Alert {
  call: string;
  since: string;
  title: string;
  body: string;
  /** The phone that a pickup calls; empty: the default one. */
  phone: string;
  /** Whether it may be picked up at all at the moment. */
  pickup: boolean;
  language: string;
  /** Without the system's sound, because the page makes its own or has been told to make none. */
  silent: boolean;
}

/** How a page sees it. Only what a live page says counts. rings: how many calls the badge counts; an older page does not say it. */
export interface Sight { live: boolean; focused: boolean; rings?: number; alerts: Alert[] }

export type ToWorker =
  /** A live page tells what rings, whenever that changes. */
  | { type: 'sight'; sight: Sight }
  /** It has no connection: nobody knows whether what it said still holds. */
  | { type: 'lost' }
  /** It is closed, or goes to sleep. */
  | { type: 'gone' }
  /** Its person has signed out. */
  | { type: 'out' }
  /** Its session has ended, and its person does not know. */
  | { type: 'ended'; language: string }
  /** What the worker has to know when no page is there. */
  | { type: 'choices'; choices: Choices };

export interface Choices { language: string; phone: string }

export type ToPage =
  /** How do you see it? The answer goes to the port that comes along. */
  | { type: 'tell' }
  /** What became of a pickup from a notification. */
  | { type: 'outcome'; answer: Answer<PickedUp> };
