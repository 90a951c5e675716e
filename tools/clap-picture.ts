// The picture of field check-mic: drawn by plot, written whole.
import { type ClapMap, type ClapPlace, drawClapMap } from './plot/clap-map.ts';
import { writePicture } from './plot/rasterise.ts';

export type { ClapMap, ClapPlace };

/** @param file ends in .svg or .png */
export async function writeClapPicture(map: ClapMap, file: string): Promise<void> {
  await writePicture(drawClapMap(map), file);
}
