// Makes the sound. One turn of a tune is computed once and repeated by the browser's own audio thread: a page in the background,
// whose timers are slowed down, sounds as it should, and stops in the moment in which it is told to.
import { samplesOf, tunes, type TuneName } from './tunes';

/** How long a browser has to begin with the sound before it is taken to refuse, in ms. */
const hesitation = 500;

export class Player {
  private context: AudioContext | undefined;
  private source: AudioBufferSourceNode | undefined;
  private gain: GainNode | undefined;
  private readonly turns = new Map<TuneName, AudioBuffer>();
  /** The device has been given back. The browser does that later, and says until then that the context runs. */
  private rests = true;

  /** Told whenever the device begins or ceases to sound. */
  constructor(private readonly changed: () => void) {}

  private get audio(): AudioContext {
    if (!this.context) {
      this.context = new AudioContext({ latencyHint: 'interactive' });
      this.context.onstatechange = () => this.stateChanged();
    }
    return this.context;
  }

  /** What takes the device away while it is wanted (a telephone call on an iPhone, or our own rest that comes late) is asked to give it back. */
  private stateChanged(): void {
    const state = this.context?.state;
    if (!this.rests && state !== 'running' && state !== 'closed') void this.context?.resume().catch(() => undefined);
    this.changed();
  }

  /** Whether a sound would be heard: browsers keep pages silent until somebody has clicked or typed in them. */
  get sounding(): boolean {
    return this.context?.state === 'running';
  }

  /**
   * Asks for the audio device, and says whether it is had. A browser that wants a click first is not even asked: Chrome would
   * complain of that, and leave the answer open.
   */
  async wake(): Promise<boolean> {
    if (this.sounding && !this.rests) return true;
    this.rests = false;
    if (!(await permitted())) return false;
    if (this.rests) return true; // it is over already
    const late = new Promise<void>((resolve) => setTimeout(resolve, hesitation));
    await Promise.race([this.audio.resume().catch(() => undefined), late]);
    return this.sounding;
  }

  /** Gives the device back: an idle page costs nothing. */
  rest(): void {
    this.rests = true;
    // Also if it does not run yet: it may be about to.
    void this.context?.suspend().catch(() => undefined);
  }

  /** A turn of a tune, computed when it is first heard: that takes some milliseconds. */
  private turnOf(name: TuneName): AudioBuffer {
    const { audio } = this;
    let buffer = this.turns.get(name);
    if (!buffer) {
      const samples = samplesOf(tunes[name], audio.sampleRate);
      buffer = audio.createBuffer(1, samples.length, audio.sampleRate);
      buffer.copyToChannel(samples, 0);
      this.turns.set(name, buffer);
    }
    return buffer;
  }

  play(name: TuneName, volume: number, repeat: boolean): void {
    this.stop();
    const { audio } = this;
    this.gain = new GainNode(audio, { gain: loudness(volume) });
    this.source = new AudioBufferSourceNode(audio, { buffer: this.turnOf(name), loop: repeat });
    this.source.connect(this.gain).connect(audio.destination);
    this.source.start();
  }

  setVolume(volume: number): void {
    if (this.gain) this.gain.gain.value = loudness(volume);
  }

  stop(): void {
    this.source?.stop();
    this.source?.disconnect();
    this.gain?.disconnect();
    this.source = this.gain = undefined;
  }

  close(): void {
    this.stop();
    this.rests = true;
    void this.context?.close().catch(() => undefined);
    this.context = undefined;
    this.turns.clear();
  }
}

/** Ears count in ratios: half of the slider is a quarter of the amplitude. */
const loudness = (volume: number): number => volume * volume;

/** Whether this page may sound as things are: what an audio element is allowed holds for all of it, and nothing is played. */
export async function permitted(): Promise<boolean> {
  const silence = new Audio();
  const playing = silence.play();
  silence.pause();
  return playing.then(() => true, (e: unknown) => (e as DOMException).name !== 'NotAllowedError');
}
