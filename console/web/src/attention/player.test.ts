import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Player } from './player';

/** An audio device as browsers have it: what it is told it does later, one after the other, and says only then that it has. */
class Device {
  static last: Device;
  state = 'suspended';
  onstatechange: (() => void) | undefined;
  asked: string[] = [];
  private done = Promise.resolve();

  constructor() {
    Device.last = this;
  }
  private becomes(state: string): Promise<void> {
    return (this.done = this.done.then(() => new Promise((r) => setTimeout(r))).then(() => this.is(state)));
  }
  is(state: string): void {
    if (this.state === state) return;
    this.state = state;
    this.onstatechange?.();
  }
  resume(): Promise<void> {
    this.asked.push('resume');
    return this.becomes('running');
  }
  suspend(): Promise<void> {
    this.asked.push('suspend');
    return this.becomes('suspended');
  }
  async close(): Promise<void> {
    this.is('closed');
  }
  settled = async () => {
    for (let before; before !== this.done; ) await (before = this.done);
  };
}

let refuses = false;
beforeEach(() => {
  refuses = false;
  vi.stubGlobal('AudioContext', Device);
  vi.stubGlobal('Audio', class {
    pause = () => undefined;
    play = async () => {
      if (refuses) throw new DOMException('no click yet', 'NotAllowedError');
    };
  });
});
afterEach(() => vi.unstubAllGlobals());

test('one that begins to ring while the device is still being given back is heard', async () => {
  const player = new Player(() => undefined);
  expect(await player.wake()).toBe(true);
  player.rest();
  expect(Device.last.state).toBe('running');
  expect(await player.wake()).toBe(true);
  await Device.last.settled();
  expect(Device.last.state).toBe('running');
  expect(player.sounding).toBe(true);
});

test('what is over before the device is had gives it back', async () => {
  const player = new Player(() => undefined);
  expect(await player.wake()).toBe(true);
  player.rest();
  await Device.last.settled();
  const woken = player.wake();
  player.rest();
  expect(await woken).toBe(true); // the browser would have let it
  await Device.last.settled();
  expect(Device.last.state).toBe('suspended');
});

test('who interrupts it is asked to give the device back, and only while it is wanted', async () => {
  let told = 0;
  const player = new Player(() => told++);
  await player.wake();
  Device.last.is('interrupted');
  expect(player.sounding).toBe(false);
  await Device.last.settled();
  expect(player.sounding).toBe(true);
  expect(told).toBe(3);
  player.rest();
  await Device.last.settled();
  Device.last.is('interrupted');
  Device.last.is('suspended');
  await Device.last.settled();
  expect(player.sounding).toBe(false);
  player.close();
  expect(Device.last.asked).toEqual(['resume', 'resume', 'suspend']);
});

test('a browser that wants a click first is not asked', async () => {
  refuses = true;
  const player = new Player(() => undefined);
  expect(await player.wake()).toBe(false);
  refuses = false;
  expect(await player.wake()).toBe(true);
});
