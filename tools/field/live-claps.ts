// Claps heard now: a person is told where to stand, and each place is done when its claps have come.
import { channelMixer } from '../../runtime/capture/channel-mixer.ts';
import { Microphone } from '../../runtime/capture/microphone.ts';
import { readSettings } from '../../runtime/capture/open-microphone.ts';
import { UserError } from '../command.ts';
import { onInterruption } from '../interruption.ts';
import type { CheckedMicrophone } from './check-mic-words.ts';
import { type Clap, ClapFinder } from './clap-finder.ts';

/** The claps from one place. */
export interface ClapGroup {
  readonly name: string;
  readonly claps: readonly Clap[];
}

/** A person may take so long to walk to a place and clap. */
const PATIENCE_SECONDS = 120;
/** Claps that come sooner after the call still belong to the place before. */
const WALK_SECONDS = 1.5;

const WHERE: Readonly<Record<string, string>> = {
  front: 'in front of the microphone',
  left: 'to the left of it',
  back: 'behind it',
  right: 'to the right of it',
  up: 'beside it and clap above it, arms up',
  down: 'beside it and clap below it',
};

export interface LiveClapsOptions extends CheckedMicrophone {
  readonly names: readonly string[];
  /** Claps from each place. */
  readonly count: number;
  /** Says where to stand on standard error only. */
  readonly quiet: boolean;
  /** Stands for arecord, and for /proc and the like, in tests. */
  readonly program?: string;
  readonly root?: string;
}

/** @throws UserError when the microphone gives no sound or no clap comes */
export async function listenForClaps(options: LiveClapsOptions): Promise<{ groups: ClapGroup[]; rate: number }> {
  const { names, count, quiet, program, root, profile, settings } = options;
  const say = (line: string) => void (quiet ? process.stderr : process.stdout).write(`${line}\n`);
  const { device } = readSettings(settings);
  const rate = profile.rates[0]!;
  const format = profile.signal.kind === 'capsules' ? 'mic' : 'foa';
  const mixer = channelMixer({ profile, format, normalization: 'sn3d', longestBlock: rate });
  const groups = names.map((name) => ({ name, claps: [] as Clap[] }));
  let place = 0;
  let heardSeconds = 0;
  let listenFrom = 0;
  let complaint: string | undefined;
  const call = () => say(`${place + 1} of ${names.length}: stand 2 m ${WHERE[names[place]!]} and clap ${count} times.`);
  const finder = new ClapFinder(mixer.inputs.length, rate, (clap) => {
    if (place >= groups.length || clap.seconds < listenFrom) return;
    groups[place]!.claps.push(clap);
    say(`  clap ${groups[place]!.claps.length}`);
    if (groups[place]!.claps.length < count) return;
    place += 1;
    listenFrom = clap.seconds + WALK_SECONDS;
    if (place < groups.length) call();
    else void microphone.stop();
  });
  const microphone: Microphone = new Microphone({
    ...{ profile, device, rate, outputRate: rate, mixer, program, root },
    onRaw: (channels, frames) => {
      finder.push(channels, frames);
      heardSeconds += frames / rate;
      if (heardSeconds - listenFrom < PATIENCE_SECONDS) return;
      complaint = `No clap was heard ${WHERE[names[place]!]} in ${PATIENCE_SECONDS} s: clap louder, or check the microphone with earshot field microphones.`;
      void microphone.stop();
    },
  });
  const silence = setInterval(() => {
    const { state, complaint: why } = microphone.figures;
    if (state !== 'failed') return;
    complaint = why ?? 'The microphone gives no sound.';
    void microphone.stop();
  }, 500);
  onInterruption(() => void microphone.stop());
  call();
  try {
    await microphone.start(() => undefined);
  } finally {
    clearInterval(silence);
  }
  if (complaint !== undefined) throw new UserError(complaint);
  if (place < groups.length) throw new UserError('Stopped before all claps were heard.');
  return { groups, rate };
}
