// A model on disk: a folder with manifest.json and the files it names, checked against their sha256 before use.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DEFAULT_VARIANT, Manifest, NETWORK_FILE, OPTIMISED_VARIANT } from '../../models/manifest.ts';
import { FEATURE_CHANNELS, type Format, PRESETS } from '../../models/presets.ts';
import { PACKAGE_ROOT } from '../worker-file.ts';

export { NETWORK_FILE };

export interface Model {
  readonly folder: string;
  readonly manifest: Manifest;
  /** Which of the manifest's variants, e.g. int8. */
  readonly variant: string;
  /** Path of the network in this variant, its sha256 checked. */
  readonly networkFile: string;
  readonly networkSha256: string;
  /** Length of a label frame in seconds. */
  readonly frameSeconds: number;
}

/** A model that is missing, incomplete or not what its manifest says. */
export class ModelError extends Error {
  override name = 'UserError';
}

/**
 * Reads a model and verifies every file its manifest names.
 * @param folder with manifest.json
 * @param chosen which form of the network, one of the manifest's; by default the one optimised for ONNX Runtime where there is one
 * @throws ModelError when a file is missing, was changed, the manifest breaks a rule or has no such variant
 */
export async function readModel(folder: string, chosen?: string): Promise<Model> {
  const manifest = await readManifest(folder);
  const variant = chosen ?? (OPTIMISED_VARIANT in manifest.variants ? OPTIMISED_VARIANT : DEFAULT_VARIANT);
  const file = networkOf(folder, manifest, variant);
  for (const [file, expected] of Object.entries(manifest.files)) await verifyFile(folder, file, expected);
  const preset = PRESETS[manifest.features.preset];
  return {
    ...{ folder, manifest, variant },
    networkFile: join(folder, file),
    networkSha256: manifest.files[file]!,
    frameSeconds: (manifest.timePooling * preset.hopLength) / preset.sampleRate,
  };
}

function networkOf(folder: string, { variants, files }: Manifest, variant: string): string {
  const where = join(folder, 'manifest.json');
  const file = variants[variant];
  if (file === undefined) {
    throw new ModelError(`${where} has no variant ${variant}: choose one of ${Object.keys(variants).join(', ')}.`);
  }
  if (file in files) return file;
  throw new ModelError(`${where} names no ${file}: build it with "earshot model build".`);
}

/** Folders of the models that came with the package, in alphabetical order. */
export async function shippedModels(): Promise<string[]> {
  const models = join(PACKAGE_ROOT, 'models');
  const entries = await readdir(models, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && existsSync(join(models, entry.name, 'manifest.json')))
    .map((entry) => join(models, entry.name))
    .sort();
}

/**
 * Finds a model by name (a shipped one) or path, or the first shipped one of a format.
 * @throws ModelError when there is none
 */
export async function findModel(nameOrFolder: string | undefined, format: Format, variant?: string): Promise<Model> {
  if (nameOrFolder && existsSync(join(nameOrFolder, 'manifest.json'))) return readModel(nameOrFolder, variant);
  const shipped = await shippedModels();
  const names = shipped.map((folder) => basename(folder)).join(', ') || 'none';
  if (nameOrFolder) {
    const folder = shipped.find((candidate) => basename(candidate) === nameOrFolder);
    if (folder) return readModel(folder, variant);
    throw new ModelError(
      `No model named ${nameOrFolder}: give a folder with a manifest.json or a shipped one (${names}).`,
    );
  }
  for (const folder of shipped) {
    if ((await readManifest(folder)).features.format === format) return readModel(folder, variant);
  }
  throw new ModelError(`No model for ${format} recordings came with this package (${names}): give one with --model.`);
}

async function readManifest(folder: string): Promise<Manifest> {
  const file = join(folder, 'manifest.json');
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new ModelError(`${file} cannot be read as JSON (${(cause as Error).message}): fetch the model again.`, {
      cause,
    });
  }
  const result = Manifest.safeParse(json);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new ModelError(
      `${file} breaks a rule of model manifests: ${issue?.path.join('.') || 'manifest'}: ${issue?.message}.`,
    );
  }
  checkConsistency(file, result.data);
  return result.data;
}

/** What the schema cannot say: frame counts that fit together, feature channels in our extractor's order. */
function checkConsistency(file: string, { window, timePooling, features }: Manifest): void {
  for (const [key, frames] of Object.entries({ frames: window.frames, hopFrames: window.hopFrames })) {
    if (frames % timePooling !== 0) {
      throw new ModelError(`${file}: window.${key}=${frames} must be a multiple of timePooling=${timePooling}.`);
    }
  }
  if (window.hopFrames > window.frames || window.lookaheadFrames >= window.frames) {
    throw new ModelError(`${file}: window.hopFrames and window.lookaheadFrames must fit into the window.`);
  }
  const known = FEATURE_CHANNELS[features.format].join(', ');
  if (features.channels.join(', ') !== known) {
    throw new ModelError(`${file}: features.channels=${features.channels.join(', ')} must be ${known}.`);
  }
}

async function verifyFile(folder: string, file: string, expected: string): Promise<void> {
  if (basename(file) !== file) throw new ModelError(`${folder}: file ${file} must lie beside its manifest.`);
  let bytes: Buffer;
  try {
    bytes = await readFile(join(folder, file));
  } catch (cause) {
    throw new ModelError(`${join(folder, file)} is missing though the manifest names it: fetch the model again.`, {
      cause,
    });
  }
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== expected) {
    throw new ModelError(
      `${join(folder, file)} has sha256 ${found.slice(0, 12)}…, its manifest says ${expected.slice(0, 12)}…: the file was changed or damaged, fetch the model again.`,
    );
  }
}
