// earshot model build: model.onnx from the network.json and weights.safetensors beside it, its sha256 into the manifest.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { countMacs, countParameters } from '../../models/layers.ts';
import type { Manifest } from '../../models/manifest.ts';
import { completeNetwork, type Network, timePooling } from '../../models/network.ts';
import { readGoldenWindows } from '../../runtime/golden-windows.ts';
import { printJson, UserError } from '../command.ts';
import { writeWhole } from '../write-whole.ts';
import { NETWORK, readManifest, sha256, WEIGHTS, writeManifest } from './model-folder.ts';
import { readNetwork } from './network-file.ts';
import { buildOnnx } from './onnx/build-onnx.ts';
import { proveGolden } from './prove-golden.ts';
import { matchWeights } from './weights/match.ts';
import { readWeights } from './weights/read-weights.ts';

const ONNX = 'model.onnx';

export interface BuiltModel {
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly parameters: number;
  /** Multiply-accumulates per feature frame. */
  readonly macsPerFrame: number;
}

export function buildCommand(): Command {
  return new Command('build')
    .summary('build model.onnx from network and weights')
    .description(
      'Builds model.onnx in a model folder from its network.json and weights.safetensors, and enters its sha256 into the\n' +
        'manifest.json, if there is one. The files the manifest already names must be as it says.',
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
  if (!dryRun) await writeWhole(join(folder, ONNX), onnx);
  if (!dryRun && manifest) {
    const renewed = { ...manifest, files: { ...manifest.files, [ONNX]: hash } };
    await writeManifest(folder, renewed);
  }
  const frames = timePooling(network);
  return {
    file: join(folder, ONNX),
    sha256: hash,
    bytes: onnx.length,
    parameters: countParameters(network),
    // The attention's dense layers run once a window: a long one shows the cost of a frame.
    macsPerFrame: Math.round(countMacs(network, 1000 * frames) / (1000 * frames)),
  };
}

/** Golden windows of these weights stay true for what is built from them. */
async function checkGolden(folder: string, name: string, onnx: Uint8Array): Promise<void> {
  const file = join(folder, name);
  await proveGolden(onnx, join(folder, ONNX), readGoldenWindows(await readFile(file), file));
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

function report({ file, sha256, bytes, parameters, macsPerFrame }: BuiltModel, dryRun: boolean): string {
  const facts = `${parameters} parameters, ${(macsPerFrame / 1e6).toFixed(2)} million multiply-accumulates per feature frame`;
  return `${file}: ${(bytes / 2 ** 20).toFixed(1)} MiB, ${facts}, sha256 ${sha256.slice(0, 12)}…${dryRun ? ' (not written)' : ''}`;
}
