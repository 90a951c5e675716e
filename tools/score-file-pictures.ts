// Pictures of what a scores.json holds: classes, confusions and confidence, without the recordings it was made from.
import { UserError } from './command.ts';
import { scores2019 } from './field/metrics/official2019.ts';
import { addCounts, allScores } from './field/metrics/scores.ts';
import { readScoreFile, type ScoredSet } from './field/score-file.ts';
import { drawClassBars } from './plot/class-bars.ts';
import { drawConfusionMatrix } from './plot/confusion-matrix.ts';
import { drawReliability } from './plot/reliability-curve.ts';
import { classPanels, FRAME_SECONDS, RIGHT_EVENT } from './score-pictures.ts';

/** Kinds of pictures that need no more than the counts of a scores.json. */
export const SCORE_FILE_KINDS = ['classes', 'confusion', 'reliability'] as const;
export type ScoreFileKind = (typeof SCORE_FILE_KINDS)[number];

/**
 * Draws one of its sets.
 * @param set name of the set; undefined: the last
 * @throws UserError when the file is no scores.json or lacks the set
 */
export async function drawScoreFile(
  file: string,
  kind: ScoreFileKind,
  { set, title }: { set?: string; title?: string },
): Promise<string> {
  const { model, sets } = await readScoreFile(file);
  const scored = set === undefined ? sets.at(-1) : sets.find((candidate) => candidate.set === set);
  if (!scored)
    throw new UserError(
      `${file} holds no set ${set ?? ''}; it holds: ${sets.map((one) => one.set).join(', ') || 'none'}.`,
    );
  const heading = title ?? `${model.name} on ${scored.set}`;
  if (kind === 'classes') return drawClasses(scored, heading);
  if (kind === 'confusion') return drawConfusion(scored, model.labels, heading);
  const note = `Right: ${RIGHT_EVENT}; a frame in which its class sounds.`;
  const { frames, events } = scored.reliability;
  const curves = [
    { name: 'events', bins: events },
    { name: 'frames', bins: frames },
  ];
  return drawReliability({ title: heading, note, curves });
}

function drawClasses(set: ScoredSet, title: string): string {
  const all = allScores(addCounts(set.recordings.map(({ counts }) => counts)));
  const classes = set.classes.map(({ official, unsnapped }) => {
    const { F1, ER } = scores2019(official);
    return { F1, ER, DE_unsnapped: scores2019(unsnapped).DE };
  });
  const labels = set.classes.map(({ label }) => label);
  return drawClassBars({ title, note: noteOf(set), labels, panels: classPanels(all, classes) });
}

function drawConfusion(set: ScoredSet, labels: readonly string[], title: string): string {
  const { confusion, invented } = set.diagnosis;
  return drawConfusionMatrix({ title, note: noteOf(set), labels, confusion, invented, secondsPerUnit: FRAME_SECONDS });
}

function noteOf({ recordings }: ScoredSet): string {
  const minutes = recordings.reduce((sum, { seconds }) => sum + seconds, 0) / 60;
  return `${recordings.length} recording${recordings.length === 1 ? '' : 's'}, ${Number(minutes.toFixed(1))} min`;
}
