// earshot train as a user meets it: data that does not fit, a Python without PyTorch, and a short real run.
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Manifest } from '../../models/manifest.ts';
import { NetworkDescription } from '../../models/network.ts';
import { earshot, jsonLines } from '../earshot.ts';
import { temporaryFolder, writeRecording } from '../loudness-model.ts';

const HEADER = 'sound_event_recording,start_time,end_time,ele,azi,dist';
const PYTHON = process.env.EARSHOT_PYTHON ?? 'python3';

/** Same blocks as the shipped network, a few filters wide, so that an epoch takes a second. */
const SMALL = {
  ...{ format: 'earshot-network', version: 1, name: 'small', summary: 'For tests.', bands: 64, output: 'sed+doa' },
  block: { kind: 'residual', attention: 'scSE', ratio: 4 },
  stages: [
    { filters: 8, timePool: 5, bandPool: 4 },
    { filters: 8, timePool: 1, bandPool: 4 },
  ],
  ...{ gru: { units: 8, layers: 1, merge: 'mul' }, headUnits: 8, norm: { epsilon: 0.001, momentum: 0.1 }, dropout: 0 },
};

let data: string;
let labels: string;
let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  data = join(folder, 'data');
  labels = join(data, 'metadata_dev', 'yard.csv');
  await mkdir(join(data, 'metadata_dev'), { recursive: true });
  await mkdir(join(data, 'foa_dev'));
  const sounds = [{ label: 'low', startSeconds: 1, endSeconds: 3, azimuth: 90, elevation: 0 }] as const;
  writeRecording(join(data, 'foa_dev', 'yard.wav'), { seconds: 7, sampleRate: 48000, sounds });
  await writeFile(labels, `${HEADER}\nspeech,1,3,0,90,1\n`);
  await writeFile(join(folder, 'small.json'), JSON.stringify(SMALL));
});
afterEach(() => rm(folder, { recursive: true }));

function train(...more: string[]) {
  const places = ['--run', join(folder, 'run'), '--out', join(folder, 'model'), '--train', data, '--validation', data];
  const network = ['--network', join(folder, 'small.json'), '--python', PYTHON];
  return earshot(['train', ...network, ...places, '--epochs', '2', '--threads', '1', ...more]);
}

async function refuses(outcome: ReturnType<typeof earshot>, ...words: string[]) {
  const { code, stderr } = await outcome;
  for (const word of words) expect(stderr).toContain(word);
  expect(code).toBe(1);
}

test('a recording without labels is named', async () => {
  await rm(labels);
  await refuses(train(), 'yard.wav', 'no labels');
});

test('labels without a recording are named', async () => {
  await writeFile(join(data, 'metadata_dev', 'garden.csv'), `${HEADER}\n`);
  await refuses(train(), 'garden.csv', 'no recording');
});

test('a data folder without labels, and data without a fold, are refused', async () => {
  await rm(join(data, 'metadata_dev'), { recursive: true });
  await refuses(train(), 'metadata_dev is missing');
  const places = ['--run', join(folder, 'run'), '--out', join(folder, 'model')];
  await refuses(earshot(['train', '--network', 'crnn', '--data', data, ...places]), '--fold');
});

test('an unknown network is refused with the known ones', async () => {
  await refuses(train('--network', 'resnet'), 'resnet', 'res-sse-crnn, or');
});

test('a Python that cannot train is refused with the way out', async () => {
  await refuses(train('--python', 'no-such-python'), 'no-such-python', 'was not found', 'pip install -r');
});

const hasTorch = (() => {
  try {
    execFileSync(PYTHON, ['-c', 'import numpy, safetensors, torch'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();
const withTorch = hasTorch ? test : test.skip;

withTorch(
  'recordings become a model (needs PyTorch; EARSHOT_PYTHON names a Python that has it)',
  async () => {
    const { code, stdout, stderr } = await train('--json', '--precision', 'float32');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(jsonLines(stdout).map(({ epoch }) => epoch)).toEqual([1, 2]);
    const json = async (file: string) => JSON.parse(await readFile(join(folder, file), 'utf8'));
    const manifest = Manifest.parse(await json('model/manifest.json'));
    expect(manifest).toMatchObject({ name: 'model', timePooling: 5, features: { format: 'foa', preset: 'paper-48k' } });
    expect(manifest.scores[0]!.command).toMatch(/^earshot train --network small --format foa .* --train data /);
    expect(JSON.stringify(manifest)).not.toContain(folder);
    expect(Object.keys(manifest.files)).toEqual(expect.arrayContaining(['model.onnx', 'golden.safetensors']));
    expect(NetworkDescription.parse(await json('model/network.json'))).toMatchObject({ channels: 7, classes: 11 });
    expect(manifest.training.thresholds).toBe('earshot field thresholds --model model --data data');
  },
  180_000,
);

withTorch('a class that is not in the label set stops training with file and line', async () => {
  await writeFile(labels, `${HEADER}\nspeech,1,3,0,90,1\nfoghorn,4,5,0,90,1\n`);
  await refuses(train(), 'yard.csv', 'line 3', 'foghorn');
});
