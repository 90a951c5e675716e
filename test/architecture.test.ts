// The import rules of docs/architecture.md as a table: who may know whom, and one door for each outside package.
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const STAGES = ['capture', 'features', 'inference', 'tracking', 'uplink'];
/** What runs on the device and is no stage: bound like one. */
const BESIDE_STAGES = ['device'];

/** What the files matching `from` may import from this package, besides their own folder; the first match holds. */
const RULES: readonly { from: RegExp; may: RegExp }[] = [
  { from: /^boards\//, may: /^boards\// },
  { from: /^models\//, may: /^models\// },
  { from: /^runtime\/(pipeline|service)\.ts$/, may: /^(runtime|models|boards)\// },
  ...[...STAGES, ...BESIDE_STAGES].map((stage) => ({
    from: new RegExp(`^runtime/${stage}/`),
    may: new RegExp(`^(runtime/[^/]+|runtime/${stage}/.*|(models|boards)/.*)$`),
  })),
  { from: /^runtime\/[^/]+$/, may: /^(runtime\/[^/]+$|models\/|boards\/)/ },
  // The hub's page runs in a browser: what it shares with the hub is the HTTP contract and what needs no Node.
  {
    from: /^tools\/fleet\/web\//,
    may: /^(tools\/fleet\/web\/.*|tools\/fleet\/(http\/contract(-rollouts)?|local-plane)\.ts|tools\/class-style\.ts|runtime\/(directions|uplink\/topics)\.ts)$/,
  },
  ...['board', 'data', 'field', 'fleet', 'model', 'plot'].map((group) => ({
    from: new RegExp(`^tools/${group}/`),
    may: new RegExp(`^(tools/[^/]+|tools/${group}/.*|(runtime|models|boards)/.*)$`),
  })),
  { from: /^tools\/[^/]+$/, may: /^(tools|runtime|models|boards)\// },
  { from: /^test\//, may: /./ },
];

/** Outside packages that more than one file of ours may import, and which. All others have one door each. */
const SHARED: Record<string, RegExp> = {
  '@bufbuild/protobuf': /^tools\/model\/onnx\/(codec|onnx_pb)\.ts$/,
  '@echogarden/pffft-wasm': /^(runtime\/features|tools\/data\/scenes)\/fft\.ts$/,
  commander: /^tools\//,
  'onnxruntime-node': /^(runtime\/inference\/onnx-worker|tools\/model\/onnx-session)\.ts$/,
  piscina: /^tools\//,
  preact: /^tools\/fleet\/web\//,
  zod: /^(models|boards|runtime|tools)\//,
};

interface Import {
  file: string;
  target: string;
}

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|tsx|js|mjs)$/.test(name) && !name.includes('node_modules'))
    .map((name) => `${folder}/${name}`);
}

/** Static and dynamic imports, re-exports and worker files; what stands in comments does not count. */
function importsOf(file: string): string[] {
  const code = readFileSync(join(ROOT, file), 'utf8').replace(/^\s*(\/\/|\*|\/\*).*$/gm, '');
  const pattern = /(?:\bfrom\s*|\bimport\s*\(\s*|^import\s*|\bnew URL\(\s*)(['"])([^'"\s,]+)\1/gm;
  return [...code.matchAll(pattern)].map((match) => match[2]!);
}

const files = ['bin', 'boards', 'models', 'runtime', 'tools', 'test'].flatMap(sources);
const imports: Import[] = files.flatMap((file) => importsOf(file).map((target) => ({ file, target })));
const inside: Import[] = imports
  .filter(({ target }) => target.startsWith('.'))
  .map(({ file, target }) => ({ file, target: normalize(join(dirname(file), target)) }));
const outside: Import[] = imports
  .filter(({ file, target }) => !target.startsWith('.') && !file.startsWith('test/') && !file.startsWith('bin/'))
  .filter(({ target }) => !target.startsWith('node:'))
  .map(({ file, target }) => ({ file, target: target.split('/', target.startsWith('@') ? 2 : 1).join('/') }));

const arrow = ({ file, target }: Import) => `${file} -> ${target}`;

test('the test sees the sources and their imports', () => {
  expect(files).toContain('tools/cli.ts');
  expect(inside.map(arrow)).toContain('tools/plot/rasterise.ts -> tools/command.ts');
  expect(outside.map(arrow)).toContain('tools/plot/rasterise.ts -> sharp');
});

test('no stage imports another stage, no tool group another group, and facts import nobody', () => {
  const forbidden = inside
    .filter(({ file }) => !file.startsWith('bin/'))
    .filter(({ file, target }) => !RULES.find(({ from }) => from.test(file))?.may.test(target));
  expect(forbidden.map(arrow)).toEqual([]);
});

test('nothing imports the tests, and nothing but the command line imports the tools', () => {
  const forbidden = inside.filter(
    ({ file, target }) =>
      !file.startsWith('test/') &&
      (target.startsWith('test/') || (target.startsWith('tools/') && !file.startsWith('tools/'))),
  );
  expect(forbidden.map(arrow)).toEqual([]);
});

test('each outside package is imported in one file of ours', () => {
  const doors = new Map<string, Set<string>>();
  for (const { file, target } of outside) doors.set(target, (doors.get(target) ?? new Set()).add(file));
  const crowded = [...doors]
    .map(([target, from]) => [target, [...from].filter((file) => !SHARED[target]?.test(file))] as const)
    .filter(([target, from]) => from.length > (SHARED[target] ? 0 : 1));
  expect(Object.fromEntries(crowded)).toEqual({});
});

test('modules of Node are imported with their node: prefix', () => {
  expect(outside.filter(({ target }) => builtinModules.includes(target)).map(arrow)).toEqual([]);
});

test('every outside package that is imported is named in package.json', () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  // The page is bundled when it is built: what it imports is no dependency of the program that runs.
  const isPage = (file: string) => file.startsWith('tools/fleet/web/');
  const missing = outside.filter(
    ({ file, target }) => !(target in dependencies || (isPage(file) && target in devDependencies)),
  );
  expect(missing.map(arrow)).toEqual([]);
});
