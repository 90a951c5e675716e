// earshot model build: model.onnx from the network.json and weights.safetensors beside it, its sha256 into the manifest.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { countMacs, countParameters } from '../../models/layers.ts';
import { DEFAULT_VARIANT, type Manifest, NETWORK_FILE, OPTIMISED_VARIANT } from '../../models/manifest.ts';
import { completeNetwork, type Network, timePooling } from '../../models/network.ts';
import { readGoldenWindows } from '../../runtime/golden-windows.ts';
import { printJson, UserError } from '../command.ts';
import { writeWhole } from '../write-whole.ts';
import { NETWORK, readManifest, sha256, WEIGHTS, writeManifest } from './model-folder.ts';
import { readNetwork } from './network-file.ts';
import { buildOnnx } from './onnx/build-onnx.ts';
import { optimiseModel } from './optimise.ts';
import { proveGolden } from './prove-golden.ts';
import { matchWeights } from './weights/match.ts';
import { readWeights } from './weights/read-weights.ts';

/** The same network rewritten for ONNX Runtime; model.onnx stays what TensorRT and the quantiser begin with. */
const OPTIMISED = 'model-optimised.onnx';

export interface BuiltModel {
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  /** The form for ONNX Runtime, made where there is a manifest to enter it into; proved equal up to rounding. */
  readonly optimised?: {
    readonly file: string;
    readonly nodes: number;
    readonly largestDifference: number;
  };
  readonly parameters: number;
  /** Multiply-accumulates per feature frame. */
  readonly macsPerFrame: number;
}

export function buildCommand(): Command {
  return new Command('build')
    .summary('build model.onnx from network and weights')
    .description(
      'Builds model.onnx in a model folder from its network.json and weights.safetensors, and enters its sha256 into the\n' +
        'manifest.json, if there is one; then also model-optimised.onnx, the same network in cheaper nodes for ONNX Runtime, proved\n' +
        'equal up to rounding. The files the manifest already names must be as it says.',
    )
    .argument('<folder>', 'model folder')
    .option('--dry-run', 'check everything, write nothing')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  earshot model build models/res-scse-crnn-foa\n  earshot model build lab --json',
    )
    .action(async (folder: string, { dryRun = false, json }: { dryRun?: boolean; json?: boolean }) => {
      const built = await buildModel(folder, dryRun);
      if (json) printJson(built);
      else process.stdout.write(`${report(built, dryRun)}\n`);
    });
}

/**
 * Builds the ONNX model of a folder.
 * @param dryRun check and compute, but write nothing
 * @throws UserError when a file is missing, does not match another, or differs from what the manifest says
 */
export async function buildModel(folder: string, dryRun = false): Promise<BuiltModel> {
  const manifest = await readManifest(folder);
  const network = await readCompleteNetwork(folder, manifest);
  const weightsFile = join(folder, WEIGHTS);
  const weights = matchWeights(network, await readWeights(weightsFile), weightsFile);
  const onnx = buildOnnx(network, weights);
  const hash = sha256(onnx);
  if (manifest?.golden) await checkGolden(folder, manifest.golden.file, onnx);
  const optimised = manifest && (await optimiseModel(onnx, join(folder, NETWORK_FILE)));
  if (!dryRun) await writeWhole(join(folder, NETWORK_FILE), onnx);
  if (!dryRun && optimised) {
    await writeWhole(join(folder, OPTIMISED), optimised.bytes);
    await writeManifest(folder, entered(manifest, hash, sha256(optimised.bytes)));
  }
  const frames = timePooling(network);
  return {
    file: join(folder, NETWORK_FILE),
    sha256: hash,
    bytes: onnx.length,
    optimised: optimised && {
      file: join(folder, OPTIMISED),
      nodes: optimised.nodesAfter,
      largestDifference: optimised.proof.largestDifference,
    },
    parameters: countParameters(network),
    // The attention's dense layers run once a window: a long one shows the cost of a frame.
    macsPerFrame: Math.round(countMacs(network, 1000 * frames) / (1000 * frames)),
  };
}

/** The manifest with the two files; forms made from another network (int8 ...) leave it, to be made again. */
function entered(manifest: Manifest, plain: string, optimised: string): Manifest {
  const fresh = { [DEFAULT_VARIANT]: NETWORK_FILE, [OPTIMISED_VARIANT]: OPTIMISED };
  const isSame = manifest.files[NETWORK_FILE] === plain;
  const stale = isSame ? [] : Object.values(manifest.variants).filter((file) => !Object.values(fresh).includes(file));
  const kept = Object.entries(manifest.files).filter(([file]) => !stale.includes(file));
  return {
    ...manifest,
    variants: isSame ? { ...manifest.variants, ...fresh } : fresh,
    files: { ...Object.fromEntries(kept), [NETWORK_FILE]: plain, [OPTIMISED]: optimised },
  };
}

/** Golden windows of these weights stay true for what is built from them. */
async function checkGolden(folder: string, name: string, onnx: Uint8Array): Promise<void> {
  const file = join(folder, name);
  await proveGolden(onnx, join(folder, NETWORK_FILE), readGoldenWindows(await readFile(file), file));
}

async function readCompleteNetwork(folder: string, manifest: Manifest | undefined): Promise<Network> {
  const file = join(folder, NETWORK);
  const description = await readNetwork(file);
  const known = manifest && { channels: manifest.features.channels.length, classes: manifest.labels.length };
  const network = completeNetwork(description, known ?? {});
  if (!manifest) return network;
  const pooling = timePooling(network);
  if (pooling === manifest.timePooling && network.output === manifest.output) return network;
  throw new UserError(
    `${file} has time pooling ${pooling} and output ${network.output}, its manifest says ${manifest.timePooling} and ${manifest.output}: they must agree.`,
  );
}

function report({ file, sha256, bytes, optimised, parameters, macsPerFrame }: BuiltModel, dryRun: boolean): string {
  const facts = `${parameters} parameters, ${(macsPerFrame / 1e6).toFixed(2)} million multiply-accumulates per feature frame`;
  const faster = optimised
    ? `\n${optimised.file}: the same in cheaper nodes (${optimised.nodes}), outputs within ${optimised.largestDifference.toPrecision(2)}`
    : '';
  const unwritten = dryRun ? ' (not written)' : '';
  return `${file}: ${(bytes / 2 ** 20).toFixed(1)} MiB, ${facts}, sha256 ${sha256.slice(0, 12)}…${faster}${unwritten}`;
}
