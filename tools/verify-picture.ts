// The picture of model verify for any group of commands: drawn by plot, written whole.
import { writePicture } from './plot/rasterise.ts';
import { drawVerifyDiagram, type VerifyPicture } from './plot/verify-diagram.ts';

export type { VerifyPicture };

/** @param file ends in .svg or .png */
export async function writeVerifyPicture(picture: VerifyPicture, file: string): Promise<void> {
  await writePicture(drawVerifyDiagram(picture), file);
}
