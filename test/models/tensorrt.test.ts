// trtexec's command line per release, held to what its option parser takes in the release branches of NVIDIA/TensorRT.
import {
  accepts,
  decodeTensorrtVersion,
  type EngineBuild,
  isDeprecated,
  precisionsOf,
  tensorrtOfL4t,
  trtexecArguments,
  trtexecCommand,
  trtexecRelease,
} from '../../models/tensorrt.ts';
import { TRTEXEC_FLAGS, TRTEXEC_RELEASES, type TrtexecFlag } from '../../models/tensorrt-releases.ts';

/** x: taken, d: taken and deprecated, -: unknown option; columns as TRTEXEC_RELEASES: 8.2 8.5 8.6 10.0 10.3 10.13 10.16 11.1. */
const TABLE = `
  --workspace                   x d d - - - - -
  --memPoolSize                 - x x x x x x x
  --buildOnly                   x x x - - - - -
  --skipInference               - - x x x x x x
  --builderOptimizationLevel    - - x x x x x x
  --versionCompatible           - - x x x x x x
  --hardwareCompatibilityLevel  - - x x x x x x
  --fp16                        x x x x x x d -
  --best                        x x x x x x d -
  --int8                        x x x x x x d -
  --calib                       x x x x x x d -
  --bf16                        - - - x x x d -
  --fp8                         - - x x x x d -
  --int4                        - - - - x x d -
  --stronglyTyped               - - - x x x x x
  --layerPrecisions             - x x x x x x -
  --precisionConstraints        x x x x x x x -
  --heuristic                   - x x - - - - -
  --explicitBatch               x x x - - - - -
  --getPlanVersionOnly          - - - x x x x x
  --runtimePlatform             - - - - x x x x
  --stripAllWeights             - - - - x x x x
  --monitorMemory               - - - - - x x x
  --maxTactics                  - - - - - x x x
  --reportCapabilityDLA         - - - - - - x x
  --cpuOnly                     - - - - - - x x
  --dryRun                      - - - - - - - x
`;

const BUILD: EngineBuild = {
  ...{ onnx: '/m/model.onnx', engine: '/c/a.engine', tensorrt: '10.3.0', precision: 'fp16', typing: 'weak' },
  input: { name: 'features', min: [1, 7, 5, 64], opt: [1, 7, 300, 64], max: [1, 7, 300, 64] },
};

test('every flag is taken, deprecated or unknown as in the option parsers of the releases', () => {
  const rows = TABLE.trim().split('\n');
  for (const row of rows) {
    const [flag, ...marks] = row.trim().split(/\s+/) as [TrtexecFlag, ...string[]];
    const found = TRTEXEC_RELEASES.map((release) => {
      if (!accepts(release, flag)) return '-';
      return isDeprecated(release, flag) ? 'd' : 'x';
    });
    expect([flag, ...found]).toEqual([flag, ...marks]);
  }
  const everywhere = Object.values(TRTEXEC_FLAGS).filter((acceptance) => Object.keys(acceptance).length === 0);
  expect(rows.length + everywhere.length).toBe(Object.keys(TRTEXEC_FLAGS).length);
});

test('no release is given a flag that it does not take, whatever is built', () => {
  for (const tensorrt of [...TRTEXEC_RELEASES, '8.0.1', '11.4.1']) {
    for (const precision of ['fp32', 'fp16', 'int8'] as const) {
      const typing = trtexecRelease(tensorrt) === '11.1' ? 'strong' : 'weak';
      const args = trtexecArguments({ ...BUILD, tensorrt, precision, typing, timingCacheFile: '/c/t', measure: false });
      for (const arg of args) {
        const flag = arg.split('=')[0] as TrtexecFlag;
        expect([tensorrt, flag, accepts(trtexecRelease(tensorrt), flag)]).toEqual([tensorrt, flag, true]);
      }
    }
  }
});

test('the command for JetPack 6.2 builds within shapes, with a timing cache, and does not run the engine', () => {
  expect(trtexecCommand({ ...BUILD, timingCacheFile: '/c/timing.cache' })).toEqual([
    ...['/usr/src/tensorrt/bin/trtexec', '--onnx=/m/model.onnx', '--saveEngine=/c/a.engine', '--fp16'],
    ...['--minShapes=features:1x7x5x64', '--optShapes=features:1x7x300x64', '--maxShapes=features:1x7x300x64'],
    ...['--memPoolSize=workspace:1024', '--timingCacheFile=/c/timing.cache', '--skipInference'],
  ]);
});

test('the command for JetPack 4.6.1 has the words of its time', () => {
  const args = trtexecArguments({ ...BUILD, tensorrt: '8.2.1' });
  expect(args).toContain('--workspace=1024');
  expect(args).toContain('--buildOnly');
  expect(args.join(' ')).not.toMatch(/memPoolSize|skipInference/);
});

test('quantised files are built with int8 and float16 for what is left, float32 without TF32', () => {
  expect(trtexecArguments({ ...BUILD, precision: 'int8' })).toEqual(expect.arrayContaining(['--int8', '--fp16']));
  expect(trtexecArguments({ ...BUILD, precision: 'fp32' })).toContain('--noTF32');
});

test('strong typing is refused before 10.0, and weakly typed float16 from 11 on, with the way out', () => {
  expect(() => trtexecArguments({ ...BUILD, tensorrt: '8.6.2', typing: 'strong' })).toThrow(/weakly typed file/);
  expect(() => trtexecArguments({ ...BUILD, tensorrt: '11.4.1' })).toThrow(/for fp16 give it a file with these types/);
  expect(trtexecArguments({ ...BUILD, tensorrt: '11.4.1', typing: 'strong' })).toContain('--stronglyTyped');
});

test('versions are read from numbers of the header, and boards known by their L4T release', () => {
  expect([8201, 8502, 8602, 100300, 101303, 101602].map(decodeTensorrtVersion)).toEqual([
    ...['8.2.1', '8.5.2', '8.6.2', '10.3.0', '10.13.3', '10.16.2'],
  ]);
  expect(['32.7.1', '35.6.0', '36.3.0', '36.4.3', '38.4.0', '39.2.0', '99.1'].map(tensorrtOfL4t)).toEqual([
    ...['8.2', '8.5', '8.6', '10.3', '10.13', '10.16', undefined],
  ]);
  expect([trtexecRelease('8.0.1'), trtexecRelease('10.9'), trtexecRelease('11.4.1')]).toEqual(['8.2', '10.3', '11.1']);
  expect(() => trtexecRelease('ten')).toThrow(/no version/);
});

test('a TX2 is not asked for INT8', () => {
  expect(precisionsOf(62)).toEqual(['fp32', 'fp16']);
  expect(precisionsOf(87)).toContain('int8');
});
