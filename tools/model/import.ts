// earshot model import: weights of others, checked tensor by tensor, become a folder of network.json, weights.safetensors, model.onnx.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { countParameters } from '../../models/layers.ts';
import { completeNetwork, type NetworkDescription } from '../../models/network.ts';
import { FEATURE_CHANNELS, FORMATS, type Format } from '../../models/presets.ts';
import { printJson, UserError } from '../command.ts';
import { writeWhole } from '../write-whole.ts';
import { readNetwork, shippedNetworks } from './network-file.ts';
import { buildOnnx } from './onnx/build-onnx.ts';
import { matchWeights } from './weights/match.ts';
import { readWeights } from './weights/read-weights.ts';
import { formatSafetensors } from './weights/safetensors.ts';
import { LONGEST_FILE_BYTES, type Weights } from './weights/tensor.ts';

interface Options {
  readonly network: string;
  readonly format: Format;
  readonly name: string;
  readonly out?: string;
  readonly classes?: number;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const moreHelp = () => `
Reads .safetensors, and .pt and .pth of torch 1.6 and later (a state dict, or a checkpoint with one under state_dict) up to
${LONGEST_FILE_BYTES / 2 ** 20} MiB. Nothing in the file is executed. Tensors are named as in models/train/network.py; each one that is missing,
unexpected or of another shape is listed. The folder gets network.json, weights.safetensors and model.onnx.

Networks: ${shippedNetworks().join(', ')}

Examples:
  earshot model import best.pth --network res-scse-crnn --format foa --name office-foa
  earshot model import best.safetensors --network my-network.json --format mic --name lab --out models/lab
  earshot model import best.pth --network crnn --format foa --name trial --dry-run   # only checks the tensors
`;

export function importCommand(): Command {
  return new Command('import')
    .summary('turn trained weights into a model folder')
    .description('Turns weights trained with PyTorch into a model folder that can be built on and run.')
    .argument('<weights>', '.safetensors, .pt or .pth file')
    .requiredOption('--network <name>', 'what was trained: a network of this package, or a description file')
    .addOption(new Option('--format <format>', 'the recordings it hears').choices(FORMATS).makeOptionMandatory())
    .requiredOption('--name <name>', 'name of the model', modelName)
    .option('--out <dir>', 'folder to write; by default the name, in the current folder')
    .option('--classes <number>', 'number of classes; by default as the weights have it', wholeNumber)
    .option('--force', 'replace the model in the folder')
    .option('--dry-run', 'check everything, write nothing')
    .option('--json', 'print one JSON object')
    .addHelpText('after', moreHelp)
    .action(run);
}

function modelName(text: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,62}$/.test(text)) return text;
  throw new InvalidArgumentError('It must be lower-case letters, digits and hyphens, 63 at most.');
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 1 to 9999.');
}

async function run(file: string, options: Options): Promise<void> {
  const out = options.out ?? options.name;
  if (!options.force) refuseToReplace(out);
  const description = await readNetwork(options.network);
  const weights = await readWeights(file);
  const network = completeNetwork(
    { ...description, name: options.name },
    { channels: FEATURE_CHANNELS[options.format].length, classes: options.classes ?? classesOf(weights, description) },
  );
  const matched = matchWeights({ ...network, name: options.network }, weights, file);
  const files = {
    'network.json': `${JSON.stringify(network, null, 2)}\n`,
    'weights.safetensors': formatSafetensors(matched),
    'model.onnx': buildOnnx(network, matched),
  };
  if (!options.dryRun) for (const [name, content] of Object.entries(files)) await writeWhole(join(out, name), content);
  const { classes } = network;
  const result = { folder: out, tensors: matched.size, parameters: countParameters(network), classes };
  if (options.json) printJson({ ...result, written: options.dryRun ? [] : Object.keys(files) });
  else process.stdout.write(`${report(file, result, options.dryRun ? [] : Object.keys(files))}\n`);
}

function refuseToReplace(folder: string): void {
  const present = ['manifest.json', 'weights.safetensors', 'model.onnx'].find((name) => existsSync(join(folder, name)));
  if (present)
    throw new UserError(`${folder} already holds a ${present}: give another --out, or --force to replace it.`);
}

/** The last bias of the directions has one x, y and z per class. */
function classesOf(weights: Weights, { classes }: NetworkDescription): number {
  const outputs = weights.get('direction.out.bias')?.shape[0] ?? 0;
  if (classes !== undefined) return classes;
  if (outputs > 0 && outputs % 3 === 0) return outputs / 3;
  throw new UserError(
    'The weights do not tell the number of classes (no tensor direction.out.bias [3 * classes]): give --classes.',
  );
}

function report(
  file: string,
  { folder, tensors, parameters, classes }: { folder: string; tensors: number; parameters: number; classes: number },
  written: readonly string[],
): string {
  const facts = `${file}: ${tensors} tensors, ${parameters} parameters, ${classes} classes; all as the network has them.`;
  if (written.length === 0) return `${facts}\nNothing was written.`;
  return `${facts}\nWrote ${written.map((name) => join(folder, name)).join(', ')}.`;
}
