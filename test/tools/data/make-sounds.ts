// Makes folders of sounds for the tests of the synthesiser: bursts of coloured noise, a pitch range and a length per class.
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '../../../tools/data/scenes/random.ts';
import { WavWriter } from '../../../tools/data/wav-writer.ts';

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'earshot-synth-'));
}

/**
 * Writes `folder`/CLASS/CLASS_n.wav.
 * @param seconds of each sound per class
 */
export function makeSounds(
  folder: string,
  seconds: Readonly<Record<string, readonly number[]>>,
  sampleRate = 44100,
): void {
  const random = new Random('sounds');
  for (const [label, lengths] of Object.entries(seconds)) {
    mkdirSync(join(folder, label), { recursive: true });
    lengths.forEach((length, n) => {
      let low = 0;
      const share = random.uniform(0.1, 0.9);
      const sound = new Float32Array(Math.round(length * sampleRate)).map(() => {
        low += share * (random.gaussian() - low);
        return 0.2 * low;
      });
      const wav = new WavWriter(join(folder, label, `${label}_${n}.wav`), 1, sampleRate);
      wav.write([sound]);
      wav.close();
    });
  }
}
