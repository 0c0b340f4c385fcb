// My pickups that are under way. What this page has asked for is settled by its answer, or by the call itself: the answer may come
// never, or minutes later.
import { SvelteMap } from 'svelte/reactivity';
import { pickupPatience } from '../api/client';
import type { Call } from '../api/types';

export type Phase = 'asked' | 'calling' | 'connecting';

/**
 * In ms. The daemon says at once that it calls the phone. Who hears nothing for so long has not been heard: a browser holds a request
 * back, for instance, while six pages have all the lines that it allows itself.
 */
export const unheard = 5_000;

/** A pickup that this page asks for, until its answer is there. */
export interface Request {
  call: string;
  /** Ends the request: nothing is to be picked up any more when a line comes free at last. */
  signal: AbortSignal;
}

interface Asked extends Request {
  giveUp(): void;
  cancel: (() => void)[];
}

export class Attempts {
  /** By call; also those that I began elsewhere. */
  readonly phases = new SvelteMap<string, Phase>();
  private readonly asked = new Map<string, Asked>();

  constructor(
    private readonly me: string,
    private readonly after: (ms: number, f: () => void) => () => void,
  ) {}

  /** Somebody has pressed. Nothing: it is under way already. */
  ask(call: string): Request | undefined {
    if (this.phases.has(call)) return undefined;
    const control = new AbortController();
    const giveUp = (): void => control.abort();
    const cancel = [
      this.after(unheard, () => this.phases.get(call) === 'asked' && this.asked.get(call) === asked && giveUp()),
      this.after(pickupPatience, giveUp),
    ];
    const asked: Asked = { call, signal: control.signal, giveUp, cancel };
    this.asked.set(call, asked);
    this.phases.set(call, 'asked');
    return asked;
  }

  /** The answer is there, or will never be. Gives whether anybody waits for it still. */
  over(request: Request): boolean {
    const asked = this.asked.get(request.call);
    if (asked !== request) return false;
    asked.cancel.forEach((f) => f());
    this.asked.delete(request.call);
    return this.phases.delete(request.call);
  }

  /** A call says who is picking it up. What has just been asked for, it may not know yet. */
  told(call: Call): void {
    if (call.state !== 'ringing') this.gone(call.id);
    else if (call.picking_up_by !== this.me) {
      if (this.phases.get(call.id) !== 'asked') this.gone(call.id);
    } else if (this.phases.get(call.id) !== 'connecting') this.phases.set(call.id, 'calling');
  }

  /** How far one of mine has come. */
  progress(call: string, phase: Phase): void {
    this.phases.set(call, phase);
  }

  /** The call rings no more, or nobody picks it up. */
  gone(call: string): void {
    this.phases.delete(call);
  }

  /** The line is lost. Whether what was asked for has arrived anywhere is not known: it is offered again when the line is back. */
  lost(): void {
    for (const [call, phase] of this.phases) if (phase === 'asked') this.asked.get(call)?.giveUp();
  }
}
