// `earshot field evaluate --recordings`: the installed model hears recordings on this machine, and what it heard is judged, kept and told.
import { randomBytes } from 'node:crypto';
import { cpus, hostname } from 'node:os';
import { basename, join } from 'node:path';
import type { Normalization } from '../../runtime/ambisonics.ts';
import { type Config, parseConfig, readConfig } from '../../runtime/config.ts';
import { chooseBackend } from '../../runtime/inference/choose-backend.ts';
import { findModel, type Model } from '../../runtime/inference/model-files.ts';
import { readBrokerAccess } from '../../runtime/uplink/broker-access.ts';
import { MqttLink } from '../../runtime/uplink/mqtt.ts';
import { type EvaluationMessage, encode } from '../../runtime/uplink/topics.ts';
import { printJson, UserError } from '../command.ts';
import { wholeNumber } from '../engines.ts';
import { onInterruption } from '../interruption.ts';
import { showProgress } from '../progress.ts';
import { writeWhole } from '../write-whole.ts';
import {
  findTrialRecordings,
  type HearingOptions,
  hearRecording,
  isHeard,
  type TrialRecording,
} from './trial-hearing.ts';
import { figuresOf, judgementText, judgeTrial, type TrialJudgement } from './trial-judgement.ts';
import { trialReport } from './trial-report.ts';
import { readTrialResult, type TrialResult, writeTrialResult } from './trial-result.ts';

/** Exit code of a process that SIGINT ended (128 + 2), as shells know it. */
const EXIT_INTERRUPTED = 130;

export interface TrialOptions {
  readonly recordings: string;
  /** Folder of metadata CSVs; recordings without one count false alarms only. */
  readonly reference?: string;
  readonly model?: string;
  readonly out: string;
  readonly compare?: string;
  readonly broker?: string;
  readonly config?: string;
  readonly threads?: string;
  readonly resample?: boolean;
  readonly normalization?: Normalization;
  readonly json: boolean;
}

export async function runTrial(options: TrialOptions): Promise<void> {
  const config = options.config === undefined ? parseConfig({}, 'defaults') : await readConfig(options.config);
  const recordings = await findTrialRecordings(options.recordings, options.reference);
  const model = await findModel(options.model ?? config.model, config.format, config.inference.variant);
  // Read before hours of work, and before it may be written over.
  const other = options.compare === undefined ? undefined : await readTrialResult(options.compare);
  const result = await hearAll(recordings, model, config, options);
  if (!result) return;
  await writeTrialResult(join(options.out, 'result.json'), result);
  const judgement = await judgeTrial(result, recordings, other);
  const report = join(options.out, 'report.html');
  await writeWhole(report, await trialReport(result, judgement, new Date()));
  const url = options.broker ?? (options.config === undefined ? undefined : config.broker);
  if (url) await publish(result, judgement, { ...config, broker: url });
  if (options.json) tellJson(result, judgement, report);
  else process.stdout.write(`${judgementText(judgement)}\n${report}\n`);
}

/** @returns undefined when a person has interrupted it: what was heard is kept for the next run */
async function hearAll(
  recordings: readonly TrialRecording[],
  model: Model,
  config: Config,
  { out, threads, resample = false, normalization = config.normalization }: TrialOptions,
): Promise<TrialResult | undefined> {
  const { inference, tracking, stateFolder } = config;
  const width = threads === undefined ? config.threads : wholeNumber('--threads', threads);
  const backend = chooseBackend({ inference, model, threads: width, stateFolder });
  const interruption = new AbortController();
  onInterruption(() => interruption.abort());
  const heard: TrialResult['recordings'] = [];
  try {
    await backend.start();
    const settings = { inference, tracking };
    const options: HearingOptions = { model, backend, folder: join(out, 'heard'), resample, normalization, settings };
    const before = (await Promise.all(recordings.map((recording) => isHeard(recording, options)))).filter(
      Boolean,
    ).length;
    const progress = showProgress('evaluate', recordings.length, 'recordings', before);
    for (const recording of recordings) {
      const entry = await hearRecording(recording, options, interruption.signal);
      if (!entry) return interrupted(heard.length, recordings.length);
      heard.push(entry);
      progress.update(heard.length, recording.name);
    }
    progress.finish();
    const { name, labels, thresholds } = model.manifest;
    return {
      ...{ format: 'earshot-trial', version: 1, backend: backend.description, machine: machineName() },
      model: { name, sha256: model.networkSha256, labels: [...labels], onset: [...thresholds.onset] },
      recordings: heard,
    };
  } finally {
    await backend.stop();
  }
}

function interrupted(done: number, total: number): undefined {
  process.stderr.write(`Interrupted after ${done} of ${total} recordings; the same command goes on from there.\n`);
  process.exitCode = EXIT_INTERRUPTED;
}

function machineName(): string {
  return `${hostname()} (${cpus()[0]?.model.trim() ?? 'unknown processor'})`;
}

/** @throws an error named UserError when the broker is not there or refuses us: files are written by then */
async function publish(result: TrialResult, judgement: TrialJudgement, config: Config): Promise<void> {
  const { site, device, broker } = config;
  const bootId = randomBytes(4).toString('hex');
  const [all, ...classes] = judgement.parts;
  const time = new Date().toISOString();
  const message: EvaluationMessage = {
    ...{ schema: 'seld/evaluation/1', site, device, bootId, time },
    id: `${device}/${bootId}/evaluation-${time.replace(/\D/g, '').slice(0, 14)}`,
    model: { name: result.model.name, sha256: result.model.sha256 },
    ...{ backend: result.backend, recordings: judgement.scenes.length },
    seconds: judgement.scenes.reduce((sum, { seconds }) => sum + seconds, 0),
    figures: { ...(all && figuresOf(all)), falseAlarmsPerHourWithLabels: judgement.labelled.perHour },
    ...(classes.length > 0 && { classes: Object.fromEntries(classes.map((part) => [part.value, figuresOf(part)])) }),
    agreement: judgement.agreement && { ...judgement.agreement },
    falseAlarmsPerHour: judgement.unlabelled.perHour,
  };
  const outgoing = encode('evaluation', message);
  const access = await readBrokerAccess(config);
  const link = new MqttLink({ url: broker!, access, clientId: `earshot-evaluation-${device}-${bootId}` });
  await link.start();
  await link.publish(outgoing).finally(() => link.stop());
  process.stderr.write(`Told as ${outgoing.topic} to the broker.\n`);
}

function tellJson(result: TrialResult, judgement: TrialJudgement, report: string): void {
  const { scenes, parts, unlabelled, labelled, agreement } = judgement;
  const { model, backend, machine } = result;
  printJson({
    ...{ type: 'evaluation', model: model.name, sha256: model.sha256, backend, machine, report },
    ...{ recordings: scenes.length, seconds: scenes.reduce((sum, { seconds }) => sum + seconds, 0) },
    figures: parts[0] ? figuresOf(parts[0]) : null,
    ...{ unlabelled, labelled, agreement },
  });
  for (const part of parts.slice(1)) printJson({ type: 'class', class: part.value, ...figuresOf(part) });
}

/** Refuses options that make no sense together. @throws UserError */
export function checkTrialOptions(given: Record<string, unknown>): void {
  for (const name of ['prediction', 'labels', 'missingAsSilence', 'seconds'])
    if (given[name])
      throw new UserError(
        `--${kebab(name)} compares files that are there; --recordings hears them now: give one of the two.`,
      );
  if (typeof given.out !== 'string')
    throw new UserError(
      `--recordings needs a folder for what is heard and for the report: add --out ${basename(String(given.recordings))}-evaluated.`,
    );
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
