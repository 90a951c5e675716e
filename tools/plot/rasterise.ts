// From SVG to a file: the one door to sharp. The picture appears whole under its name or not at all.
import { extname } from 'node:path';
import sharp from 'sharp';
import { UserError } from '../command.ts';
import { writeWhole } from '../write-whole.ts';

/** Pixels of the PNG per unit of the drawing: sharp on screens of twice the usual density. */
const PIXEL_RATIO = 2;

/**
 * Writes a picture in the format of the file's ending.
 * @param file ends in .png or .svg; its folder is made when missing
 * @throws UserError for another ending
 */
export async function writePicture(svg: string, file: string): Promise<void> {
  const ending = extname(file).toLowerCase();
  if (ending === '.png') await writeWhole(file, await rasterise(svg));
  else if (ending === '.svg') await writeWhole(file, svg);
  else throw new UserError(`${file} must end in .png or .svg: give such a name to --out.`);
}

/** The picture as the bytes of a PNG file with a palette: drawings have few colours, and the file a third of the size. */
export function rasterise(svg: string): Promise<Buffer> {
  return sharp(Buffer.from(svg), { density: 72 * PIXEL_RATIO })
    .png({ compressionLevel: 9, palette: true, quality: 100 })
    .toBuffer();
}
