// earshot field check-mic: claps from known places tell whether an array stands and is wired as its profile says.
import { Command } from 'commander';
import type { Microphone } from '../../boards/microphones.ts';
import { channelMixer } from '../../runtime/capture/channel-mixer.ts';
import { readSettings } from '../../runtime/capture/open-microphone.ts';
import { parseConfig, readConfig } from '../../runtime/config.ts';
import { writeClapPicture } from '../clap-picture.ts';
import { printJson, UserError } from '../command.ts';
import { type Diagnosis, diagnose, type HeardPlace } from './array-diagnosis.ts';
import { advice, type CheckedMicrophone, sentence } from './check-mic-words.ts';
import { measureClaps } from './clap-measure.ts';
import { type ClapGroup, listenForClaps } from './live-claps.ts';
import { clapsInRecordings } from './recorded-claps.ts';

/** Places a person can clap from: degrees. */
export const PLACES: Readonly<Record<string, readonly [azimuth: number, elevation: number]>> = {
  front: [0, 0],
  left: [90, 0],
  back: [180, 0],
  right: [-90, 0],
  up: [0, 90],
  down: [0, -90],
};
const ASKED = 'front,left,back,right,up';
const FEWEST_PLACES = 3;

interface Options {
  readonly config?: string;
  readonly profile?: string;
  readonly device?: string;
  readonly recording?: string;
  readonly from: string;
  readonly claps: string;
  readonly out?: string;
  readonly json?: boolean;
}

export function checkMicCommand(): Command {
  return new Command('check-mic')
    .summary('find out with a few claps whether the microphone stands and is wired right')
    .description(
      'Asks you to clap from the front, the left, the back, the right and above, hears where each clap seems to come from,\n' +
        'and says whether the array is right, how far it is turned, or which channels are exchanged or have their polarity\n' +
        'turned, with the settings that mend it. Stand about 2 m away, away from walls.',
    )
    .option('--config <file>', 'settings of the device, with its microphone')
    .option('--profile <name>', 'microphone profile (earshot field microphones --profiles lists them)')
    .option('--device <name>', 'sound card (earshot field microphones lists them)')
    .option(
      '--recording <files>',
      'recordings in place of the microphone: one file with all claps, or front=A.wav,left=B.wav',
    )
    .option('--from <places>', `places in the order of the claps: ${Object.keys(PLACES).join(', ')}`, ASKED)
    .option('--claps <n>', 'claps from each place', '3')
    .option('--out <file>', 'picture, .png or .svg')
    .option('--json', 'print the result as one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  earshot field check-mic --config device.json\n' +
        '  earshot field check-mic --profile zoom-h3-vr --out array.png\n' +
        '  earshot field check-mic --profile ambix --recording claps.wav\n' +
        '  earshot field check-mic --profile ambix --recording front=a.wav,left=b.wav,up=c.wav',
    )
    .action(check);
}

async function check(options: Options): Promise<void> {
  const settings = await settingsOf(options);
  const microphone: CheckedMicrophone = { profile: readProfile(settings, options), settings };
  const { groups, rate } = await hearClaps(options, microphone);
  const places = groups.map(({ name, claps }): HeardPlace => {
    const [azimuth, elevation] = PLACES[name]!;
    return { name, azimuth, elevation, measure: measureClaps(claps, microphone.profile, rate) };
  });
  const diagnosis = diagnose(places, microphone.profile, toAmbisonics(microphone.profile), settings.inverted);
  await tell(options, microphone, places, diagnosis);
}

type Settings = CheckedMicrophone['settings'];

async function settingsOf({ config, profile, device }: Options): Promise<Settings> {
  const own = config ? (await readConfig(config)).microphone : null;
  const given = { ...(profile && { profile }), ...(device && { device }) };
  return { ...(own ?? parseConfig({ microphone: {} }, 'defaults').microphone!), ...given };
}

function readProfile(settings: Settings, { recording }: Options): Microphone {
  if (settings.profile === undefined)
    throw new UserError('Which microphone is it? Give --profile (earshot field microphones --profiles) or --config.');
  // A recording needs no card.
  return readSettings(recording === undefined ? settings : { ...settings, device: settings.device ?? 'card:none' })
    .profile;
}

async function hearClaps(
  options: Options,
  microphone: CheckedMicrophone,
): Promise<{ groups: ClapGroup[]; rate: number }> {
  const names = options.from.split(',').map((name) => name.trim());
  const count = Number(options.claps);
  if (!Number.isInteger(count) || count < 1 || count > 20)
    throw new UserError(`--claps ${options.claps} must be a whole number from 1 to 20.`);
  if (options.recording !== undefined) {
    const heard = await clapsInRecordings(options.recording, names, microphone.profile);
    checkPlaces(heard.groups.map(({ name }) => name));
    return heard;
  }
  checkPlaces(names);
  return listenForClaps({ ...microphone, names, count, quiet: options.json ?? false });
}

function checkPlaces(names: readonly string[]): void {
  const unknown = names.find((name) => !(name in PLACES));
  if (unknown !== undefined)
    throw new UserError(`There is no place ${unknown}: use ${Object.keys(PLACES).join(', ')}.`);
  if (new Set(names).size < FEWEST_PLACES)
    throw new UserError(
      `Claps from ${names.join(', ')} are too few: ${FEWEST_PLACES} places or more tell how an array is wired.`,
    );
}

/** Of the profile as it is, whatever the settings say of channels: what is wrong with the wiring is told against it. */
function toAmbisonics(profile: Microphone): readonly (readonly number[])[] | undefined {
  if (profile.signal.kind === 'capsules') {
    if (profile.capsules) return undefined;
    throw new UserError(`${profile.name} has capsules in places that are not known: no direction can be told from it.`);
  }
  return channelMixer({ profile, format: 'foa', normalization: 'sn3d', longestBlock: 1 }).matrix;
}

async function tell(
  { out, json }: Options,
  microphone: CheckedMicrophone,
  places: readonly HeardPlace[],
  diagnosis: Diagnosis,
): Promise<void> {
  const { verdict, finding, alternatives, heard, silent } = diagnosis;
  const suggestion = advice(diagnosis, microphone);
  const rows = places.map(({ name, azimuth, elevation }, i) => ({
    ...{ name, azimuth, elevation, errorDegrees: heard[i]!.errorDegrees },
    ...{ heardAzimuth: heard[i]!.azimuth, heardElevation: heard[i]!.elevation },
  }));
  if (out) {
    const title = `Claps around ${microphone.profile.title}`;
    await writeClapPicture({ title, verdict: sentence(diagnosis), right: verdict === 'right', places: rows }, out);
  }
  if (json) {
    printJson({ verdict, says: sentence(diagnosis), ...finding, suggestion, alternatives, silent, places: rows });
    return;
  }
  for (const { name, heardAzimuth, heardElevation, errorDegrees } of rows)
    process.stdout.write(
      `${name.padEnd(6)} heard at azimuth ${degrees(heardAzimuth)}, elevation ${degrees(heardElevation)}: ${degrees(errorDegrees)} off\n`,
    );
  process.stdout.write(`\n${sentence(diagnosis)}\n`);
  if (suggestion) process.stdout.write(`${suggestion.text}\n${JSON.stringify(suggestion.settings)}\n`);
  for (const other of alternatives)
    process.stdout.write(
      `The same would be heard if: ${sentence({ ...diagnosis, verdict: 'channels', finding: other })}\n`,
    );
  if (out) process.stdout.write(`Picture: ${out}\n`);
}

const degrees = (value: number) => `${Math.round(value)}°`.padStart(5);
