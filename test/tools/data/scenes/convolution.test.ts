// Fast convolution against the sum it stands for.
import { Convolver } from '../../../../tools/data/scenes/convolution.ts';
import { FftMemory } from '../../../../tools/data/scenes/fft.ts';
import { Random } from '../../../../tools/data/scenes/random.ts';

const random = new Random('convolution');
const noise = (length: number) => new Float32Array(length).map(() => random.gaussian());

test('a sound through a response of several partitions is the plain convolution, wherever it starts', async () => {
  const convolver = new Convolver(await FftMemory.create());
  const signal = noise(5000);
  const early = [0, 1, 2, 3].map(() => noise(300));
  const late = [0, 1, 2, 3].map(() => noise(9000));
  const kernels = [
    { kernel: convolver.kernel(early), signs: [1, 1, 1, 1] },
    { kernel: convolver.kernel(late), signs: [1, -1, 1, -1] },
  ];
  for (const start of [-1000, 0, 777, 7000]) {
    const out = [0, 1, 2, 3].map(() => new Float32Array(12000).fill(0.5));
    convolver.add(out, start, [{ signal, kernels }]);
    for (const n of [0, 1, 999, 4095, 4096, 8000, 11999]) {
      for (const c of [0, 1, 2, 3]) {
        let expected = 0.5;
        for (let k = 0; k < signal.length; k++) {
          const at = n - start - k;
          if (at < 0) break;
          expected += signal[k]! * ((early[c]![at] ?? 0) + (c % 2 ? -1 : 1) * (late[c]![at] ?? 0));
        }
        expect(Math.abs(out[c]![n]! - expected)).toBeLessThan(2e-3);
      }
    }
  }
});
