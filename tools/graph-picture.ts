// Pictures of networks for any group of commands: drawn by plot, written whole.
import { extname } from 'node:path';
import { UserError } from './command.ts';
import { type DiagramNode, drawGraphDiagram } from './plot/graph-diagram.ts';
import { writePicture } from './plot/rasterise.ts';

export type { DiagramNode };

/** @throws UserError when the name says no kind of picture we write; `option` is what gave it */
export function checkPictureName(file: string, option: string): void {
  if (['.svg', '.png'].includes(extname(file).toLowerCase())) return;
  throw new UserError(`${option} ${file} must end in .svg or .png: the ending says which kind of picture.`);
}

export async function writeGraphPicture(
  nodes: readonly DiagramNode[],
  title: string,
  subtitle: string,
  file: string,
): Promise<void> {
  await writePicture(drawGraphDiagram(nodes, title, subtitle), file);
}
