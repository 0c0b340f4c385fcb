// The sounds that a ringing call can have. They are made of tones: there is no file to load, and nothing to wait for.

/** A tone: from when and for how long, in seconds; which frequencies, in Hz; how loud, from 0 to 1. */
export interface Tone { at: number; lasts: number; hz: number[]; gain: number }
export interface Tune {
  /** After which time it begins anew, in seconds. */
  every: number;
  tones: Tone[];
  /** Seconds in which a tone dies away after its beginning, like a bell; 0: it stays as loud as it is. */
  decay: number;
}

const chord = (at: number, lasts: number, gain: number, ...hz: number[]): Tone => ({ at, lasts, hz, gain });

export const tunes = {
  chime: { every: 3, decay: 0.35, tones: [chord(0, 1, 0.5, 659.25, 1318.5), chord(0.25, 1, 0.5, 783.99, 1567.98), chord(0.5, 1.4, 0.5, 1046.5, 2093)] },
  bell: { every: 2.5, decay: 0.5, tones: [chord(0, 1.6, 0.45, 880, 1760, 2637), chord(0.2, 1.6, 0.35, 880, 1760, 2637)] },
  // As telephones ring in much of Europe: 1 s of two tones that beat, 4 s of nothing.
  phone: { every: 5, decay: 0, tones: [chord(0, 1, 0.3, 425, 450)] },
  pulse: { every: 2, decay: 0, tones: [0, 0.18, 0.36].map((at) => chord(at, 0.09, 0.35, 1000)) },
} satisfies Record<string, Tune>;

export type TuneName = keyof typeof tunes;
export type SoundName = TuneName | 'none';
export const soundNames: SoundName[] = [...(Object.keys(tunes) as TuneName[]), 'none'];

export function isSound(name: string | undefined): name is SoundName {
  return name !== undefined && (soundNames as string[]).includes(name);
}

/** Seconds in which a tone comes and goes, so that it does not click. */
const edge = 0.008;

/** The samples of one turn of a tune. */
export function samplesOf(tune: Tune, rate: number): Float32Array<ArrayBuffer> {
  const samples = new Float32Array(Math.round(tune.every * rate));
  for (const tone of tune.tones) {
    const begin = Math.round(tone.at * rate);
    const count = Math.min(Math.round(tone.lasts * rate), samples.length - begin);
    for (let i = 0; i < count; i++) {
      const t = i / rate;
      const edges = Math.min(1, t / edge, (count / rate - t) / edge);
      const loud = tone.gain * edges * (tune.decay > 0 ? Math.exp(-t / tune.decay) : 1);
      let wave = 0;
      for (const hz of tone.hz) wave += Math.sin(2 * Math.PI * hz * t);
      samples[begin + i] = (samples[begin + i] ?? 0) + (loud * wave) / tone.hz.length;
    }
  }
  return samples;
}
