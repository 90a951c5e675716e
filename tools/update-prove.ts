// earshot update prove: does this very code run on this device, and does the network compute what it must? Asked before it is switched to.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { readConfig } from '../runtime/config.ts';
import { chooseBackend } from '../runtime/inference/choose-backend.ts';
import { proveBackend } from '../runtime/inference/golden-proof.ts';
import { findModel } from '../runtime/inference/model-files.ts';
import { PACKAGE_ROOT } from '../runtime/worker-file.ts';
import { printJson } from './command.ts';
import { version } from './package-version.ts';

const TEN_MINUTES_MS = 600_000;
const RUNNER_SOURCES = join(PACKAGE_ROOT, 'runtime', 'inference', 'trt-runner');

interface Options {
  readonly config: string;
  readonly model?: string;
  readonly json?: boolean;
}

export function proveCommand(): Command {
  return new Command('prove')
    .summary('prove that this release runs on this device')
    .description(
      'Reads the settings, builds trt-runner and the engine where the board has TensorRT, and holds the network to its\n' +
        'golden windows. An update runs it in the new slot while the old release goes on listening.',
    )
    .requiredOption('--config <file>', 'settings of the device, JSON')
    .option('--model <name>', "a shipped model, or a folder with manifest.json, in place of the settings' own")
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExamples:\n  earshot update prove --config /etc/earshot/device.json\n')
    .action(prove);
}

async function prove({ config: file, model: wanted, json }: Options): Promise<void> {
  const config = await readConfig(file);
  const { inference, threads, stateFolder, format } = config;
  const model = await findModel(wanted ?? config.model, format, inference.variant);
  const log = (line: string) => process.stderr.write(`${line}\n`);
  if (existsSync('/etc/nv_tegra_release') && inference.backend !== 'onnx' && !inference.runner) await buildRunner(log);
  const backend = chooseBackend({ inference, model, threads, stateFolder, log });
  await backend.start();
  try {
    const precision = (backend.status?.precision ?? 'fp32') as 'fp32' | 'fp16' | 'int8';
    const proof = await proveBackend(backend, model, precision);
    const result = { version, model: model.manifest.name, backend: backend.description, ...proof };
    const words = proof.rms === null ? 'the model has no golden windows' : `off by ${proof.rms.toPrecision(2)} at most`;
    if (json) printJson(result);
    else process.stdout.write(`earshot ${version} runs ${result.model} on ${result.backend}: ${words}.\n`);
  } finally {
    await backend.stop();
  }
}

/** The program over TensorRT is compiled where TensorRT is; without a compiler the processor computes, and health says so. */
async function buildRunner(log: (line: string) => void): Promise<void> {
  const build = join(RUNNER_SOURCES, 'build');
  if (existsSync(join(build, 'trt-runner'))) return;
  const run = (args: readonly string[]) => promisify(execFile)('cmake', args, { timeout: TEN_MINUTES_MS });
  try {
    await run(['-S', RUNNER_SOURCES, '-B', build]);
    await run(['--build', build]);
  } catch (error) {
    log(`trt-runner is not built: ${(error as Error).message.split('\n')[0]}`);
  }
}
