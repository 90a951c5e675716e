// earshot field microphones: which sound cards are plugged in, what they are, and the name to write into the settings.
import { Command } from 'commander';
import { type Microphone, microphones } from '../../boards/microphones.ts';
import { matchesProfile } from '../../runtime/capture/device-name.ts';
import { type SoundCard, soundCards, stableName } from '../../runtime/capture/sound-cards.ts';
import { printJson } from '../command.ts';

interface Options {
  readonly json?: boolean;
  readonly root: string;
  readonly profiles?: boolean;
}

export function microphonesCommand(): Command {
  return new Command('microphones')
    .summary('list the sound cards that are plugged in, with the names that last')
    .description(
      'Lists the sound cards that record: the name that still means them after a reboot or at another socket,\n' +
        'what they offer, and which microphone profile fits.',
    )
    .option('--profiles', 'list the microphone profiles instead')
    .option('--json', 'print one JSON object per line')
    .option('--root <folder>', 'folder that has /proc, /sys and /dev, such as a copy from another machine', '/')
    .addHelpText('after', '\nExamples:\n  earshot field microphones\n  earshot field microphones --profiles')
    .action(list);
}

async function list({ json, root, profiles }: Options): Promise<void> {
  if (profiles) return listProfiles(json ?? false);
  const cards = await soundCards(root);
  if (json) {
    for (const card of cards)
      printJson({ name: stableName(card, cards), profile: profileOf(card)?.name ?? null, ...card });
    return;
  }
  if (cards.length === 0) process.stdout.write('No sound card that records is plugged in.\n');
  for (const card of cards) process.stdout.write(`${describe(card, cards)}\n`);
}

/** The profile that knows a card by its USB id or its name. */
function profileOf(card: SoundCard): Microphone | undefined {
  return microphones().find((profile) => matchesProfile(profile, card));
}

function describe(card: SoundCard, cards: readonly SoundCard[]): string {
  const name = stableName(card, cards);
  const profile = profileOf(card);
  const usb = card.usbId ? `USB ${card.usbId} at port ${card.usbPort ?? 'unknown'}` : 'not on USB';
  const offers = card.settings.map(({ channels, sampleFormat, rates, lowestRate, highestRate }) => {
    const hertz = rates.length > 0 ? rates.join('/') : `${lowestRate}-${highestRate}`;
    return `  offers    ${channels} channels ${sampleFormat} at ${hertz} Hz`;
  });
  const settings = JSON.stringify({ microphone: { profile: profile?.name ?? 'ambix', device: name } });
  const four = card.settings.length === 0 || card.settings.some(({ channels }) => channels >= 4);
  const use = four ? `  settings  ${settings}` : '  settings  none: a microphone array has four channels or more';
  return [
    `${card.title}`,
    `  name      ${name}`,
    `  card      ${card.number} [${card.id}], ${usb}`,
    ...offers,
    `  profile   ${profile ? `${profile.name}: ${profile.title}` : 'none fits by itself: see earshot field microphones --profiles'}`,
    use,
  ].join('\n');
}

function listProfiles(json: boolean): void {
  const width = Math.max(...microphones().map(({ name }) => name.length));
  for (const profile of microphones()) {
    if (json) printJson(profile);
    else
      process.stdout.write(
        `${profile.name.padEnd(width)}  ${profile.title}${profile.verified ? '' : ' (not tried yet)'}\n`,
      );
  }
}
