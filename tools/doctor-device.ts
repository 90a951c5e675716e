// What earshot doctor looks at on a device: the model and the microphone that its settings name, and the disk that it writes.
import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Config } from '../runtime/config.ts';
import { findModel } from '../runtime/inference/model-files.ts';
import type { Check } from './doctor-checks.ts';
import { openSource } from './listen.ts';

/** Sound that a microphone must give to be there. */
const LISTEN_SECONDS = 1;
const ENOUGH_STATE_MIB = 256;

export function deviceChecks(config: Config): Check[] {
  return [
    {
      name: 'model',
      missing: 'fail',
      wayOut: 'name a shipped model or a folder with manifest.json, or leave it out',
      look: async () => {
        const { manifest, folder } = await findModel(config.model, config.format);
        return `${manifest.name} (${basename(folder)}): ${manifest.labels.length} classes, ${manifest.features.format}`;
      },
    },
    {
      name: 'state folder',
      missing: 'fail',
      wayOut: `let this user write to ${config.stateFolder}, and keep ${ENOUGH_STATE_MIB} MiB free there`,
      look: () => stateFolder(config.stateFolder),
    },
    {
      name: 'microphone',
      missing: 'fail',
      needs: ['model'],
      wayOut: 'plug it in, let no other program hold it, and name it in the settings as arecord -l shows it',
      look: () => microphone(config),
    },
  ];
}

async function stateFolder(folder: string): Promise<string> {
  await access(folder, constants.W_OK);
  const { bavail, bsize } = await statfs(folder);
  const mib = (bavail * bsize) / 2 ** 20;
  if (mib < ENOUGH_STATE_MIB) throw new Error(`${mib.toFixed(0)} MiB free at ${folder}`);
  return `${folder} can be written, ${mib.toFixed(0)} MiB free`;
}

/** Listens for a second. */
async function microphone(config: Config): Promise<string> {
  if (!config.microphone) throw new Error('the settings name none');
  const model = await findModel(config.model, config.format);
  const source = await openSource(config, model);
  let [samples, peak] = [0, 0];
  await source.start((block) => {
    samples += block.channels[0]!.length;
    for (const channel of block.channels) for (const value of channel) peak = Math.max(peak, Math.abs(value));
    if (samples >= LISTEN_SECONDS * source.sampleRate) void source.stop();
  });
  if (peak === 0) throw new Error('it gives perfect silence: no capsule is connected');
  const dbfs = (20 * Math.log10(peak)).toFixed(0);
  return `${source.channels} channels at ${source.sampleRate} Hz, peak ${dbfs} dBFS in a second`;
}
