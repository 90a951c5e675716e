// Network descriptions: the shipped ones, the published sizes and costs, and what a description may not say.
import { readdirSync, readFileSync } from 'node:fs';
import { countMacs, countParameters, tensorsOf } from '../../models/layers.ts';
import { completeNetwork, parseNetwork, timePooling } from '../../models/network.ts';
import { GOLDEN, network } from '../tools/model/golden-networks.ts';

const FOLDER = new URL('../../models/networks/', import.meta.url);
const residual = (ratio: number) => ({ block: { kind: 'residual', attention: 'scSE', ratio } });
const pools2020 = {
  stages: [
    { filters: 64, timePool: 5, bandPool: 4 },
    { filters: 64, timePool: 1, bandPool: 4 },
    { filters: 64, timePool: 1, bandPool: 2 },
  ],
};

test('every shipped description is valid and named like its file', () => {
  const files = readdirSync(FOLDER);
  expect(files.length).toBeGreaterThanOrEqual(6);
  for (const file of files) {
    const description = parseNetwork(JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')), file);
    expect(`${description.name}.json`).toBe(file);
  }
});

test.each([
  ['res-scse-crnn', residual(1), 658476, 660396],
  ['res-scse-crnn', residual(2), 646188, 648108],
  ['res-scse-crnn', residual(4), 640044, 641964],
  ['res-scse-crnn', residual(8), 636972, 638892],
  ['res-scse-crnn', residual(16), 635436, 637356],
  ['res-crnn', {}, 633708, 635628],
  ['crnn', pools2020, 513324, 515052],
])('%s %j has the published number of parameters, FOA and MIC', (name, settings, foa, mic) => {
  expect(countParameters(network(name, 'foa', settings))).toBe(foa);
  expect(countParameters(network(name, 'mic', settings))).toBe(mic);
});

test('side by side, the two directions of the GRUs cost 131 072 parameters more than multiplied', () => {
  const gru = { units: 128, layers: 2, merge: 'concat' };
  const [mul, concat] = [network('res-scse-crnn'), network('res-scse-crnn', 'foa', { gru })];
  expect(countParameters(concat) - countParameters(mul)).toBe(131072);
});

test('every golden network has as many parameters as PyTorch counts', () => {
  for (const golden of GOLDEN) {
    expect(countParameters(network(golden.network, golden.format, golden.settings))).toBe(golden.parameters);
  }
});

test.each([
  ['res-scse-crnn', {}, 'foa', 0.914],
  ['res-scse-crnn', {}, 'mic', 0.951],
  ['crnn', pools2020, 'foa', 0.148],
  ['crnn', pools2020, 'mic', 0.181],
] as const)('%s %j %s costs the published multiply-accumulates for six seconds', (name, settings, format, billions) => {
  expect(countMacs(network(name, format, settings), 300) / 1e9).toBeCloseTo(billions, 3);
});

test('without time pooling the flagship costs 0.232 billion multiply-accumulates per second of sound', () => {
  const stages = pools2020.stages.map((stage) => ({ ...stage, timePool: 1 }));
  expect(countMacs(network('res-scse-crnn', 'foa', { stages }), 300) / 6e9).toBeCloseTo(0.232, 3);
});

test('no two tensors of a network share a name', () => {
  for (const golden of GOLDEN) {
    const names = tensorsOf(network(golden.network, golden.format, golden.settings)).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  }
});

test('time pooling is the product over the stages', () => {
  expect([timePooling(network('res-scse-crnn')), timePooling(network('crnn'))]).toEqual([5, 1]);
});

test.each([
  ['an unknown key', { colour: 1 }, 'colour'],
  ['an unknown block', { block: { kind: 'transformer' } }, 'block.kind'],
  ['an unknown attention', { block: { kind: 'residual', attention: 'se', ratio: 4 } }, 'block.attention'],
  ['a ratio of 3', { block: { kind: 'residual', attention: 'scSE', ratio: 3 } }, 'block.ratio'],
  ['no ratio for scSE', { block: { kind: 'residual', attention: 'scSE' } }, 'block.ratio: belongs to'],
  ['a ratio for sSE', { block: { kind: 'residual', attention: 'sSE', ratio: 4 } }, 'block.ratio: belongs to'],
  ['even kernels', { block: { kind: 'multi-kernel', kernels: [4] } }, 'block.kernels: must be odd'],
  ['a band pool that does not divide', { stages: [{ filters: 8, timePool: 1, bandPool: 3 }] }, '=3 must divide the 64'],
  [
    'filters that the ratio does not divide',
    { stages: [{ filters: 6, timePool: 1, bandPool: 2 }] },
    '=6 must be a multiple of 4',
  ],
  ['no stages', { stages: [] }, 'stages'],
  ['a time pool of 0', { stages: [{ filters: 8, timePool: 0, bandPool: 2 }] }, 'stages.0.timePool'],
  ['a dropout of 1', { dropout: 1 }, 'dropout'],
  ['an epsilon of 0', { norm: { epsilon: 0, momentum: 0.1 } }, 'norm.epsilon'],
  ['another version', { version: 2 }, 'version'],
])('a description with %s is refused', (_, settings, message) => {
  expect(() => network('res-scse-crnn', 'foa', settings)).toThrow(message);
  expect(() => network('res-scse-crnn', 'foa', settings)).toThrow(expect.objectContaining({ name: 'UserError' }));
});

test('a description that leaves its classes open, or has others, says so', () => {
  const description = parseNetwork(JSON.parse(readFileSync(new URL('cnn.json', FOLDER), 'utf8')), 'cnn');
  expect(() => completeNetwork(description, { channels: 7 })).toThrow('leaves classes open');
  expect(() => completeNetwork({ ...description, classes: 3 }, { channels: 7, classes: 11 })).toThrow(
    'classes=3, not 11',
  );
  expect(() => completeNetwork(description, { channels: 7, classes: 0 })).toThrow('classes');
});
