// A worker of the synthesiser: renders recordings to disk, one at a time.
import { workerData } from 'piscina';
import { writeWhole } from '../../write-whole.ts';
import { WavWriter } from '../wav-writer.ts';
import { audioFile, labelFile } from './files.ts';
import { formatLabels } from './layout.ts';
import { type Recipe, SAMPLE_RATE, type Task } from './recipe.ts';
import { RecordingRenderer } from './render.ts';

/** An error loses its name on the way between threads, so a mistake of the user's travels as a result. */
export type Rendered = { readonly name: string; readonly events: number } | { readonly mistake: string };

const { recipe, folder } = workerData as { recipe: Recipe; folder: string };
const renderer = RecordingRenderer.create(recipe);

/** Renders one recording; its label file is written last and so says that all is there. */
export default async function renderToDisk(task: Task): Promise<Rendered> {
  try {
    const sounds = await (await renderer).render(task, (format, channels) => {
      const wav = new WavWriter(audioFile(folder, format, task.name), channels.length, SAMPLE_RATE);
      wav.write(channels);
      wav.close();
    });
    await writeWhole(labelFile(folder, task.name), formatLabels(sounds));
    return { name: task.name, events: sounds.length };
  } catch (error) {
    if ((error as Error).name !== 'UserError') throw error;
    return { mistake: (error as Error).message };
  }
}
