// Board profiles: what a board computes with and which JetPacks it runs. One JSON file per board in jetson/; jetpacks.json
// says what each JetPack brings.
import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';

const FOLDER = new URL(import.meta.url.includes('/dist/boards/') ? '../../boards/' : './', import.meta.url);

const version = z.string().regex(/^\d+(\.\d+){1,2}$/, 'must be numbers with dots');
const sources = z.array(z.string()).min(1);

export const Board = z.strictObject({
  format: z.literal('earshot-board'),
  version: z.literal(1),
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
  summary: z.string(),
  chip: z.string().describe('NVIDIA name of the system on chip'),
  sm: z.int().positive().describe('compute capability of the GPU without the dot: 87 is 8.7'),
  memoryGib: z.array(z.number().positive()).min(1).describe('as sold; CPU and GPU share it'),
  dlaCores: z.int().min(0).describe('deep learning accelerators of the largest module; earshot does not use them'),
  jetpacks: z.array(version).min(1).describe('releases that run on it, oldest first'),
  sources,
});
export type Board = z.infer<typeof Board>;

const Jetpacks = z.strictObject({
  format: z.literal('earshot-jetpacks'),
  version: z.literal(1),
  sources,
  releases: z.array(
    z.strictObject({
      jetpack: version,
      l4t: z.array(version).min(1).describe('releases of Linux for Tegra, as /etc/nv_tegra_release has them'),
      tensorrt: version,
      cuda: version,
      ubuntu: version,
      glibc: version,
    }),
  ),
});
export type Jetpack = z.infer<typeof Jetpacks>['releases'][number];

const readJson = (file: string): unknown => JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'));

/** All boards, by name. @throws ZodError when a file breaks the schema */
export function boards(): Board[] {
  const files = readdirSync(new URL('./jetson/', FOLDER)).filter((file) => file.endsWith('.json'));
  return files.sort().map((file) => Board.parse(readJson(`jetson/${file}`)));
}

/** All JetPacks, oldest first. */
export function jetpacks(): Jetpack[] {
  return Jetpacks.parse(readJson('jetpacks.json')).releases;
}
