// Claps from recordings: one file per place, or one with all of them in order.
import type { Microphone } from '../../boards/microphones.ts';
import { openRecording } from '../../runtime/capture/recording.ts';
import { UserError } from '../command.ts';
import { type Clap, ClapFinder } from './clap-finder.ts';
import type { ClapGroup } from './live-claps.ts';

const BLOCK = 4800;

/**
 * @param given "claps.wav", or "front=a.wav,left=b.wav"
 * @param names places of the claps in the one file, in order
 * @throws UserError when there are no claps, or not the same number from each place
 */
export async function clapsInRecordings(
  given: string,
  names: readonly string[],
  profile: Microphone,
): Promise<{ groups: ClapGroup[]; rate: number }> {
  const named = given.split(',').map((part) => part.split('='));
  if (named.every((part) => part.length === 2)) {
    const files = await Promise.all(named.map(([, file]) => clapsIn(file!, profile)));
    const rates = new Set(files.map(({ rate }) => rate));
    if (rates.size > 1) throw new UserError(`${given} have several sample rates: ${[...rates].join(', ')} Hz.`);
    for (const [i, { claps }] of files.entries())
      if (claps.length === 0) throw new UserError(`${named[i]![1]} holds no clap: record it again, clapping louder.`);
    return { groups: files.map(({ claps }, i) => ({ name: named[i]![0]!.trim(), claps })), rate: files[0]!.rate };
  }
  const { claps, rate } = await clapsIn(given, profile);
  const each = claps.length / names.length;
  if (claps.length === 0 || !Number.isInteger(each))
    throw new UserError(
      `${given} holds ${claps.length} claps; from ${names.length} places (${names.join(', ')}) there must be the same number each: ` +
        'give --from, or one file per place.',
    );
  return { groups: names.map((name, i) => ({ name, claps: claps.slice(i * each, (i + 1) * each) })), rate };
}

/** The claps of a file with the channels of the profile's card, or only with those it uses. */
async function clapsIn(file: string, profile: Microphone): Promise<{ claps: Clap[]; rate: number }> {
  const recording = await openRecording(file);
  try {
    const { channels, sampleRate: rate } = recording;
    const used = profile.channelMap.length;
    if (channels !== profile.channels && channels !== used)
      throw new UserError(`${file} has ${channels} channels; ${profile.name} delivers ${profile.channels}.`);
    const picks = profile.channelMap.map((n, i) => (channels === profile.channels ? Math.abs(n) - 1 : i));
    const block = Array.from({ length: channels }, () => new Float32Array(BLOCK));
    const claps: Clap[] = [];
    const finder = new ClapFinder(used, rate, (clap) => claps.push(clap));
    for (let read = await recording.read(block); read > 0; read = await recording.read(block))
      finder.push(
        picks.map((c) => block[c]!),
        read,
      );
    return { claps, rate };
  } finally {
    await recording.close();
  }
}
