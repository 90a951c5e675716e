// The search for mixed precision on a labelled set: tries models, remembers what was tried, goes on after an interruption.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Model } from '../../../runtime/inference/model-files.ts';
import { UserError } from '../../command.ts';
import { type Budget, findLabelled, isWithin, type Judged, judgeOnLabelled } from '../../labelled-set.ts';
import { writeWhole } from '../../write-whole.ts';
import { searchWithinBudget, type Trial } from './search.ts';

type Scores = Judged['scores'];

export interface ScoredTrial extends Trial {
  readonly scores: Scores;
}

export interface BudgetSearch {
  readonly reference: Scores;
  readonly chosen: ScoredTrial;
  readonly trials: readonly ScoredTrial[];
}

export interface BudgetOptions {
  readonly model: Model;
  readonly labelled: string;
  readonly budget: Budget;
  readonly threads: number;
  /** Layers in the order in which they are left float. */
  readonly order: readonly string[];
  /** The model with these layers float. */
  readonly emit: (floatLayers: readonly string[]) => Uint8Array;
  /** Where what was tried is kept until the search is through. */
  readonly notes: string;
  /** Of everything the scores depend on: notes under another one do not count. */
  readonly key: string;
  /** Told when a trial begins and after each recording. */
  readonly onRecording?: (trial: number, done: number, of: number) => void;
}

/** What is kept on disk: scores by the layers that stayed float; the reference under its own name. */
interface Notes {
  readonly key: string;
  readonly scores: Record<string, Scores>;
}

const REFERENCE = 'float32';

/** @throws UserError when no mixture keeps the budget, or the labelled set is none */
export async function searchBudget(options: BudgetOptions): Promise<BudgetSearch> {
  const { model, labelled, budget, threads, order, emit, onRecording } = options;
  const set = await findLabelled(labelled, model);
  const notes = await readNotes(options);
  const folder = await mkdtemp(join(tmpdir(), 'earshot-quantise-'));
  let begun = 0;
  const score = async (name: string, network: () => Promise<string>) => {
    const known = notes.scores[name];
    if (known) return known;
    begun += 1;
    const tell = (done: number) => onRecording?.(begun, done, set.length);
    tell(0);
    const [judged] = await judgeOnLabelled(model, [await network()], set, { threads, onRecording: tell });
    notes.scores[name] = judged!.scores;
    await writeWhole(options.notes, JSON.stringify(notes));
    return judged!.scores;
  };
  const trials: ScoredTrial[] = [];
  try {
    const reference = await score(REFERENCE, async () => model.networkFile);
    const chosen = await searchWithinBudget(order, async (floatLayers) => {
      const network = async () => {
        const file = join(folder, 'trial.onnx');
        await writeFile(file, emit(floatLayers));
        return file;
      };
      const scores = await score(`int8 without ${floatLayers.join(' ')}`, network);
      const trial = { floatLayers, scores, within: isWithin(budget, reference, scores) };
      trials.push(trial);
      return trial;
    });
    if (!chosen) throw refusal(options, reference, trials.at(-1)!);
    await rm(options.notes, { force: true });
    return { reference, chosen, trials };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What an interrupted search left, when it was for the same models and recordings. */
async function readNotes({ notes, key }: BudgetOptions): Promise<Notes> {
  const text = await readFile(notes, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new UserError(`Cannot read ${notes}: ${error.code}. Remove it, the search then begins anew.`, {
      cause: error,
    });
  });
  const empty = { key, scores: {} };
  if (text === undefined) return empty;
  try {
    const found = JSON.parse(text) as Notes;
    return found.key === key && typeof found.scores === 'object' ? found : empty;
  } catch {
    // It is no more than a shortcut: a damaged one is as good as none.
    return empty;
  }
}

function refusal({ labelled, budget }: BudgetOptions, reference: Scores, { scores }: ScoredTrial): UserError {
  const f1 = (100 * (scores.F1 - reference.F1)).toFixed(2);
  const degrees = ((scores.DE_unsnapped ?? 180) - (reference.DE_unsnapped ?? 180)).toFixed(2);
  return new UserError(
    `No mixture keeps the budget on ${labelled}: even with every layer float F1 changes by ${f1} points (allowed -${budget.f1Points}) and the direction error by ${degrees} degrees (allowed +${budget.degrees}). Widen --budget-f1 or --budget-de, or give more labelled recordings.`,
  );
}
