// A live source whose faults can be ordered: it stalls, loses samples, or breaks and cannot be opened again.
import type { AudioSource } from '../../runtime/capture/source.ts';

/** What happens to the sound from now on; shared by the sources that are opened one after the other, as a cable is. */
export interface Orders {
  /** No block arrives; what would have is lost. */
  stalled: boolean;
  /** Opening fails, and what is open breaks, with this message. */
  broken: string | undefined;
}

export function orders(): Orders {
  return { stalled: false, broken: undefined };
}

/** Opens a source of sound at real speed behind the faults. @throws what is ordered */
export async function openOrderedSource(open: () => Promise<AudioSource>, faults: Orders): Promise<AudioSource> {
  if (faults.broken !== undefined) throw new Error(faults.broken);
  const source = await open();
  const { sampleRate, channels, totalSamples } = source;
  return {
    ...{ sampleRate, channels, totalSamples },
    stop: () => source.stop(),
    start: (take) => {
      let lost = 0;
      return source.start(async (block) => {
        if (faults.broken !== undefined) throw new Error(faults.broken);
        if (faults.stalled) {
          lost += block.channels[0]!.length;
          return;
        }
        const discontinuity = block.discontinuity + lost;
        lost = 0;
        await take({ ...block, discontinuity });
      });
    },
  };
}
