// `earshot field card`: the model card, formed from manifest and scores, so that no number on it is typed.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { Command } from 'commander';
import { readModel } from '../../runtime/inference/model-files.ts';
import { UserError } from '../command.ts';
import { writeWhole } from '../write-whole.ts';
import { cardPage } from './card-page.ts';
import { readScoreFile } from './score-file.ts';

interface Options {
  readonly model: string;
  readonly scores: string;
  readonly set: string;
  readonly notes?: string;
  readonly out?: string;
}

export function cardCommand(): Command {
  return new Command('card')
    .summary('write the card of a model from its manifest and scores')
    .description(
      'Writes what the model is, its scores by overlap, class and elevation, what it takes for what, how far its confidence can be\n' +
        'believed, its weaknesses as the numbers show them, its data and licence.',
    )
    .requiredOption('--model <folder>', 'model folder')
    .requiredOption('--scores <file>', 'scores.json of this model, as "earshot field score" writes it')
    .option('--set <name>', 'which set of it judges the model', 'test')
    .option('--notes <file>', 'Markdown to put under "What numbers do not show"')
    .option('--out <file>', 'card to write (default: card.md in the model folder)')
    .addHelpText(
      'after',
      '\nExamples:\n  earshot field card --model models/office-foa --scores models/office-foa/scores.json\n' +
        '  earshot field card --model my-models/foa --scores foa-scores.json --notes foa-notes.md --out foa.md',
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  const { manifest } = await readModel(options.model);
  const { model, sets } = await readScoreFile(options.scores);
  const weights = manifest.files['weights.safetensors'] ?? manifest.files['model.onnx'];
  if (model.sha256 !== weights || JSON.stringify(model.thresholds) !== JSON.stringify(manifest.thresholds))
    throw new UserError(
      `${options.scores} is of other weights or thresholds than ${options.model}: score it again with "earshot field score".`,
    );
  const set = sets.find((one) => one.set === options.set);
  if (!set)
    throw new UserError(
      `${options.scores} has no set ${options.set}: it has ${sets.map((one) => one.set).join(', ')}; name one with --set.`,
    );
  const notes = options.notes && (await readNotes(options.notes));
  const curve = existsSync(join(options.model, 'learning-curve.png'));
  const out = options.out ?? join(options.model, 'card.md');
  await writeWhole(out, cardPage({ manifest, model, set, notes, curve }));
  process.stdout.write(`${out}: ${basename(resolve(options.model))}, ${set.recordings.length} recordings\n`);
}

async function readNotes(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause) => {
    throw new UserError(`Cannot read ${file}: --notes names a Markdown file.`, { cause });
  });
}
