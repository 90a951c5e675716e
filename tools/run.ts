// earshot run: a recording through the whole device, from samples to messages, with a live table and a summary.
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import type { AudioSource } from '../runtime/capture/source.ts';
import { type Config, parseConfig, readConfig } from '../runtime/config.ts';
import { chooseBackend } from '../runtime/inference/choose-backend.ts';
import type { InferenceBackend } from '../runtime/inference/engine.ts';
import { findModel, type Model, NETWORK_FILE } from '../runtime/inference/model-files.ts';
import { Pipeline } from '../runtime/pipeline.ts';
import type { SoundEvent } from '../runtime/signals.ts';
import { eventMessage } from '../runtime/uplink/event-message.ts';
import { Uplink } from '../runtime/uplink/uplink.ts';
import { uplinkSettings } from '../runtime/uplink/uplink-options.ts';
import { startBroker } from './broker.ts';
import { bundledRecording } from './bundled-recording.ts';
import { printJson } from './command.ts';
import { allThreads, enginesFor, wholeNumber } from './engines.ts';
import { Heard } from './heard.ts';
import { onInterruption } from './interruption.ts';
import { type ListenOptions, listen } from './listen.ts';
import { Listener } from './listener.ts';
import { createLiveTable } from './live-table.ts';
import { version } from './package-version.ts';
import { openRecordingSource } from './recording-source.ts';
import { drawResult, readReference } from './result-picture.ts';
import type { SceneEvent } from './scene-csv.ts';
import { type Summary, summarise, summaryText } from './summary.ts';

const TICK_MS = 100;

interface RunOptions {
  readonly fast?: boolean;
  readonly json?: boolean;
  readonly out: string;
  readonly model?: string;
  readonly variant?: string;
  readonly broker?: string;
  readonly outbox?: string;
  readonly config?: string;
  readonly threads?: string;
  readonly resample?: boolean;
  readonly normalization?: Config['normalization'];
}

export function runCommand(): Command {
  return new Command('run')
    .summary('hear a recording as the device would, and publish what sounded and from where')
    .description(
      'Plays a four-channel recording (default: the bundled one) at real speed through capture, features, inference,\n' +
        'tracking and uplink, shows each sound as its MQTT message comes back, and draws the result.\n' +
        'With settings that have a microphone it listens until it is stopped: the service of a device.',
    )
    .argument('[recording]', 'WAV or FLAC file, four channels; a CSV with the same name is its reference')
    .option('--fast', 'do not wait for the sound: as fast as the machine can')
    .option('--json', 'print one JSON object per line: each sound when it has ended, at last the summary')
    .option('--out <folder>', 'where the picture goes', 'earshot-out')
    .option('--model <name>', 'a shipped model, or a folder with manifest.json')
    .option('--variant <name>', "form of the model's network, e.g. int8 (default: fp32)")
    .option('--broker <url>', 'MQTT broker to publish to (default: one inside this process)')
    .option('--outbox <folder>', 'keep messages on disk until the broker has them (default: in memory)')
    .option('--config <file>', 'settings of the device, JSON')
    .option('--threads <n>', 'threads of the network (default: 1; all cores, at most 4, with --fast)')
    .option('--resample', 'also take recordings that are not at 48 or 24 kHz')
    .addOption(
      new Option('--normalization <name>', "of the ambisonic channels (default: the model's)").choices(['sn3d', 'n3d']),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  earshot run\n  earshot run yard.wav --fast\n  earshot run yard.wav --json > events.jsonl\n' +
        '  earshot run yard.wav --broker mqtt://192.168.1.2:1883 --outbox /var/lib/earshot/outbox\n' +
        '  earshot run --config device.json',
    )
    .action(run);
}

async function run(given: string | undefined, options: RunOptions): Promise<void> {
  const settings = withOutbox(options.config ? await readConfig(options.config) : parseConfig({}, 'defaults'), options);
  if (options.config && settings.microphone && given === undefined) return listen(await service(options, settings));
  const recording = given ?? bundledRecording();
  const model = await findModel(
    options.model ?? settings.model,
    settings.format,
    options.variant ?? settings.inference.variant,
  );
  const reference = await readReference(recording, model.manifest.labels);
  const session = { recording, options, settings, model };
  const { summary, events } = await play(session);
  const labels = model.manifest.labels;
  const durationSeconds = summary.streamSeconds;
  const picture = await drawResult({ recording, events, labels, durationSeconds, out: options.out }, reference);
  const whole: Summary = { ...summary, picture };
  if (options.json) printJson({ type: 'summary', ...whole });
  else process.stdout.write(`\n${summaryText(whole)}\n`);
}

/** The settings of the service; what the command line says goes before the file. */
async function service({ config: file, broker, model, outbox }: RunOptions, config: Config): Promise<ListenOptions> {
  const given = { ...(broker && { broker }), ...(model && { model }), ...(outbox && { outbox: config.outbox }) };
  const settings = JSON.parse(await readFile(file!, 'utf8'));
  return { config: { ...config, ...given }, settings: { ...settings, ...given } };
}

/** A folder given on the command line goes before that of the settings; their bounds stay. */
function withOutbox(settings: Config, { outbox: folder, broker }: RunOptions): Config {
  const outbox =
    folder === undefined ? settings.outbox : parseConfig({ outbox: { ...settings.outbox, folder } }, '--outbox').outbox;
  return { ...settings, outbox, broker: broker ?? settings.broker };
}

interface Session {
  readonly recording: string;
  readonly options: RunOptions;
  readonly settings: Config;
  readonly model: Model;
}

/** Starts what a device and its surroundings need, plays the recording, stops all of it again, whatever happens. */
async function play(session: Session): Promise<Played> {
  const { recording, options, settings, model } = session;
  const resample = options.resample ?? false;
  const source = await openRecordingSource({ path: recording, model, paced: !options.fast, resample });
  const stops: (() => Promise<void>)[] = [() => source.stop()];
  try {
    const backend = backendOf(options, settings, model);
    stops.unshift(() => backend.stop());
    await backend.start();
    const url = settings.broker ?? (await ownBroker(stops));
    return await hear(session, source, backend, url, stops);
  } finally {
    for (const stop of stops) await stop();
  }
}

interface Played {
  readonly summary: Summary;
  readonly events: readonly SceneEvent[];
}

/** Joins device and listener through the broker, and lets the sound in. */
async function hear(
  { recording, options, settings, model }: Session,
  source: AudioSource,
  backend: InferenceBackend,
  url: string,
  stops: (() => Promise<void>)[],
): Promise<Played> {
  const { manifest } = model;
  const { site, device, headingDegrees, position, healthSeconds, tracking } = settings;
  const paced = !options.fast;
  const identity = { url, site, device, bootId: randomBytes(4).toString('hex') };
  const delivery = await uplinkSettings(settings);
  const table = options.json ? undefined : createLiveTable(manifest.labels);
  const heard = new Heard(manifest.labels, paced, table);
  const isPatient = delivery.outbox !== undefined;
  const listener = new Listener({
    ...{ ...identity, access: delivery.access, isPatient },
    onEvent: (message) => heard.add(message),
  });
  stops.unshift(() => listener.stop());
  await listener.start();

  const context = {
    ...{ ...identity, headingDegrees, position },
    clock: { source: paced ? ('system' as const) : ('recording' as const), synced: null, offsetMs: null },
    wallTimeMs: (seconds: number): number => pipeline.wallTimeMs(seconds),
  };
  const uplink: Uplink = new Uplink({ ...context, ...delivery, version, onProblem: warner() });
  let seq = 0;
  const onEvent = (event: SoundEvent) => {
    seq += 1;
    // While the broker is away nothing comes back from it.
    if (!uplink.isOnline) heard.add(eventMessage(event, seq, context));
  };
  const normalization = options.normalization ?? settings.normalization;
  const pipeline = new Pipeline({
    ...{ source, model, backend, uplink, tracking, healthSeconds, normalization, onEvent },
    inference: paced ? settings.inference : undefined,
  });
  stops.unshift(() => uplink.stop());
  await uplink.start({
    model: { name: manifest.name, sha256: manifest.files[NETWORK_FILE]!, labels: manifest.labels },
    backend: backend.description,
    microphone: { format: manifest.features.format, sampleRate: source.sampleRate, channels: source.channels },
  });

  table?.begin();
  const cpuSeconds = await untilInterrupted(pipeline, () => {
    table?.tick(pipeline.figures.streamSeconds, source.totalSamples / source.sampleRate);
  });
  const { figures } = pipeline;
  await uplink.stop();
  if (uplink.refusal && !delivery.outbox) throw uplink.refusal;
  await listener.waitFor(uplink.figures.acknowledged);
  table?.finish();
  const summary = summarise({
    ...{ recording, model: manifest.name, backend: backend.description, figures, cpuSeconds },
    ...{ classes: heard.events.map(({ label }) => label), delaysMs: heard.delaysMs, picture: null },
    messages: { ...uplink.figures, received: listener.received },
  });
  return { summary, events: heard.events };
}

/** Tells each problem with the broker or the disk once, when it begins. */
function warner(): (code: string, problem: string | null) => void {
  const told = new Set<string>();
  return (_, problem) => {
    if (problem === null || told.has(problem)) return;
    told.add(problem);
    process.stderr.write(`warning: ${problem}\n`);
  };
}

/** At real speed one thread has time to spare; when nobody waits for the sound the network is what takes time. */
function backendOf({ threads, fast }: RunOptions, settings: Config, model: Model): InferenceBackend {
  const given = threads === undefined ? undefined : wholeNumber('--threads', threads);
  if (fast) return enginesFor(model, given ?? allThreads());
  const { inference, threads: usual, stateFolder } = settings;
  return chooseBackend({ inference, model, threads: given ?? usual, stateFolder });
}

async function ownBroker(stops: (() => Promise<void>)[]): Promise<string> {
  const broker = await startBroker();
  stops.unshift(() => broker.stop());
  return broker.url;
}

/** Runs to the end of the sound; Ctrl-C is an early end like any other. @returns processor time in seconds */
async function untilInterrupted(pipeline: Pipeline, tick: () => void): Promise<number> {
  const timer = setInterval(tick, TICK_MS);
  const before = process.cpuUsage();
  onInterruption(() => void pipeline.stop());
  try {
    await pipeline.run();
  } finally {
    clearInterval(timer);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
