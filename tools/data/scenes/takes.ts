// Takes: what is heard of a sound file when it is placed in a scene: trimmed, cut to length, keystrokes strung together.
import type { SoundGroup } from './bank.ts';
import type { Random } from './random.ts';
import type { SoundStore } from './sounds.ts';

const LONGEST_SECONDS = 3.4;
/** The data set's own lengths of long sounds: phone and speech, p10 to max. */
const CUT_SECONDS = [1.2, 3.3] as const;
/** A keyboard sound shorter than this is a single stroke. */
const STROKE_SECONDS = 0.45;
const STROKES = [4, 12] as const;
const STROKE_GAP_SECONDS = [0.07, 0.32] as const;
const FADE_SECONDS = 0.01;

/** Draws one take of a group; a new array. */
export async function drawTake(
  group: SoundGroup,
  label: string,
  store: SoundStore,
  random: Random,
  sampleRate: number,
): Promise<Float32Array> {
  const first = trim(await store.load(random.pick(group.files)), sampleRate);
  if (label === 'keyboard' && first.length < STROKE_SECONDS * sampleRate)
    return strokes(group, first, store, random, sampleRate);
  if (first.length <= LONGEST_SECONDS * sampleRate) return first.slice();
  const length = Math.round(random.uniform(...CUT_SECONDS) * sampleRate);
  const from = random.integer(first.length - length);
  return fade(first.slice(from, from + length), sampleRate);
}

async function strokes(
  group: SoundGroup,
  first: Float32Array,
  store: SoundStore,
  random: Random,
  sampleRate: number,
): Promise<Float32Array> {
  const count = STROKES[0] + random.integer(STROKES[1] - STROKES[0] + 1);
  const out = new Float32Array(Math.round(LONGEST_SECONDS * sampleRate));
  let at = 0;
  let end = 0;
  for (let k = 0; k < count; k++) {
    const stroke = k === 0 ? first : trim(await store.load(random.pick(group.files)), sampleRate);
    if (at + stroke.length > out.length) break;
    const gain = 10 ** (random.uniform(-6, 0) / 20);
    stroke.forEach((v, i) => {
      out[at + i]! += gain * v;
    });
    end = Math.max(end, at + stroke.length);
    at += Math.round(random.uniform(...STROKE_GAP_SECONDS) * sampleRate);
  }
  return out.slice(0, end);
}

const TRIM_DB = -50;

/** Without the silence at its ends: 10 ms windows 50 dB below the loudest one. A view. */
export function trim(sound: Float32Array, sampleRate: number): Float32Array {
  const window = Math.round(0.01 * sampleRate);
  const energies = Array.from({ length: Math.ceil(sound.length / window) }, (_, w) =>
    sound.subarray(w * window, (w + 1) * window).reduce((sum, v) => sum + v * v, 0),
  );
  const floor = Math.max(...energies) * 10 ** (TRIM_DB / 10);
  const isLoud = (energy: number) => energy >= floor;
  return sound.subarray(energies.findIndex(isLoud) * window, (energies.findLastIndex(isLoud) + 1) * window);
}

function fade(sound: Float32Array, sampleRate: number): Float32Array {
  const length = Math.round(FADE_SECONDS * sampleRate);
  for (let i = 0; i < length; i++) {
    const gain = Math.sin((Math.PI / 2) * ((i + 0.5) / length)) ** 2;
    sound[i]! *= gain;
    sound[sound.length - 1 - i]! *= gain;
  }
  return sound;
}
