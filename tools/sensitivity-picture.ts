// The picture of what each layer costs in integers, for any group of commands: drawn by plot, written whole.
import { writePicture } from './plot/rasterise.ts';
import { drawSensitivityDiagram, type SensitivityPicture } from './plot/sensitivity-diagram.ts';

/** @param file ends in .svg or .png */
export async function writeSensitivityPicture(
  sensitivity: Omit<SensitivityPicture, 'title'>,
  title: string,
  file: string,
): Promise<void> {
  await writePicture(drawSensitivityDiagram({ ...sensitivity, title }), file);
}
