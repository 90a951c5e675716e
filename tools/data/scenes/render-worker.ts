// A worker of the synthesiser: renders recordings to disk, one at a time.
import { renameSync, writeFileSync } from 'node:fs';
import { workerData } from 'piscina';
import { PARTIAL_SUFFIX, WavWriter } from '../wav-writer.ts';
import { audioFile, labelFile } from './files.ts';
import { formatLabels } from './layout.ts';
import { type Recipe, SAMPLE_RATE, type Task } from './recipe.ts';
import { RecordingRenderer } from './render.ts';

const { recipe, folder } = workerData as { recipe: Recipe; folder: string };
const renderer = RecordingRenderer.create(recipe);

/** Renders one recording; its label file is written last and so says that all is there. */
export default async function renderToDisk(task: Task): Promise<{ name: string; events: number }> {
  const sounds = await (await renderer).render(task, (format, channels) => {
    const wav = new WavWriter(audioFile(folder, format, task.name), channels.length, SAMPLE_RATE);
    wav.write(channels);
    wav.close();
  });
  const labels = labelFile(folder, task.name);
  writeFileSync(labels + PARTIAL_SUFFIX, formatLabels(sounds));
  renameSync(labels + PARTIAL_SUFFIX, labels);
  return { name: task.name, events: sounds.length };
}
