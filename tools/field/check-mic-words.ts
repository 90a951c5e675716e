// What check-mic says: the finding in a sentence, and the settings that mend it.
import type { Microphone } from '../../boards/microphones.ts';
import type { MicrophoneSettings } from '../../runtime/capture/open-microphone.ts';
import type { Diagnosis, Finding } from './array-diagnosis.ts';

export interface CheckedMicrophone {
  readonly profile: Microphone;
  readonly settings: MicrophoneSettings;
}

const STANDS: Record<Finding['stand'], string> = {
  upright: 'stands as it should',
  inverted: 'is upside down, against what the settings say',
  'front-up': 'lies on its back, its front looking up',
  'front-down': 'lies on its face, its front looking down',
};

/** One sentence for people. */
export function sentence({ verdict, finding, silent }: Pick<Diagnosis, 'verdict' | 'finding' | 'silent'>): string {
  const { stand, turnedDegrees, channels } = finding;
  const parts: string[] = [];
  if (verdict === 'dead')
    return `Channel ${silent.join(' and ')} hears nothing of any clap: its capsule or wire is broken.`;
  if (verdict === 'unclear')
    return 'Nothing explains these claps: check the places, clap louder, away from walls, and see that no channel is broken.';
  if (verdict === 'right') return 'The array stands and is wired as its profile says.';
  if (stand !== 'upright') parts.push(`the array ${STANDS[stand]}`);
  if (turnedDegrees !== 0)
    parts.push(
      `the array is turned by ${Math.abs(turnedDegrees)} degrees to the ${turnedDegrees > 0 ? 'left' : 'right'}`,
    );
  const exchanged = channels.flatMap((n, i) => (Math.abs(n) === i + 1 ? [] : [i + 1]));
  const turned = channels.flatMap((n) => (n < 0 ? [Math.abs(n)] : [])).sort((a, b) => a - b);
  if (exchanged.length > 0) parts.push(`channels ${list(exchanged)} are exchanged`);
  if (turned.length > 0) parts.push(`channel ${list(turned)} has its polarity turned`);
  const text = `${parts.join(', and ')}.`;
  return text[0]!.toUpperCase() + text.slice(1);
}

/** What to write into the settings; undefined: nothing, or nothing that settings could mend. */
export function advice({ verdict, finding }: Diagnosis, { profile, settings }: CheckedMicrophone) {
  if (verdict === 'right' || verdict === 'dead' || verdict === 'unclear') return undefined;
  const { stand, turnedDegrees, channels } = finding;
  const change: Record<string, unknown> = {};
  if (channels.some((n, i) => n !== i + 1))
    change.channels = channels.map((n) => Math.sign(n) * profile.channelMap[Math.abs(n) - 1]!);
  if (stand === 'inverted') change.inverted = !settings.inverted;
  const words = Object.keys(change).length > 0 ? ['Put this into the settings under microphone:'] : [];
  if (stand === 'front-up' || stand === 'front-down') words.unshift('Stand it up as its profile says.');
  if (turnedDegrees !== 0)
    words.unshift(
      `Turn it by ${Math.abs(turnedDegrees)} degrees to the ${turnedDegrees > 0 ? 'right' : 'left'}, ` +
        `or make headingDegrees ${turnedDegrees > 0 ? 'smaller' : 'larger'} by as much.`,
    );
  const wired = settings.channels !== undefined ? ' These take the place of the channels that are set now.' : '';
  return {
    text: words.join(' ') + (change.channels ? wired : ''),
    settings: change,
    headingChangeDegrees: -turnedDegrees,
  };
}

function list(numbers: readonly number[]): string {
  return numbers.length < 2 ? numbers.join('') : `${numbers.slice(0, -1).join(', ')} and ${numbers.at(-1)}`;
}
