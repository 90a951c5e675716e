// What a trial found: scores against labels, false alarms per hour, agreement with another machine; for people, programs and the wire.
import { duration } from '../progress.ts';
import { readEvents, type SceneEvent } from '../scene-csv.ts';
import { type Agreement, agreementOf } from './agreement.ts';
import { type CountedRecording, countScenes, type PartScores, scoreParts } from './breakdown.ts';
import { type FalseAlarms, falseAlarms } from './false-alarms.ts';
import { scoreTable } from './score-table.ts';
import type { TrialRecording } from './trial-hearing.ts';
import type { TrialResult } from './trial-result.ts';

export interface TrialScene {
  readonly name: string;
  readonly path: string;
  readonly seconds: number;
  readonly heard: TrialResult['recordings'][number]['events'];
  /** Undefined where nobody has labelled it. */
  readonly reference: readonly SceneEvent[] | undefined;
}

export interface TrialJudgement {
  readonly scenes: readonly TrialScene[];
  /** All first, then each class; empty without labels. */
  readonly parts: readonly PartScores[];
  /** On recordings without labels: whatever is heard there is taken for false. */
  readonly unlabelled: FalseAlarms;
  readonly labelled: FalseAlarms;
  readonly agreement: Agreement | null;
}

/** @param other result of another machine, to be compared with @throws UserError when labels are broken or results cannot be compared */
export async function judgeTrial(
  result: TrialResult,
  recordings: readonly TrialRecording[],
  other: TrialResult | undefined,
): Promise<TrialJudgement> {
  const { labels } = result.model;
  const scenes = await Promise.all(
    result.recordings.map(async ({ name, seconds, events }): Promise<TrialScene> => {
      const recording = recordings.find((candidate) => candidate.name === name)!;
      const reference = recording.labels === undefined ? undefined : await readEvents(recording.labels, labels);
      return { name, path: recording.path, seconds, heard: events, reference };
    }),
  );
  const labelled = scenes.filter(isLabelled);
  const counted = labelled.map((scene) => countLabelled(scene, labels.length));
  return {
    scenes,
    parts: counted.length > 0 ? scoreParts(counted, ['class'], labels) : [],
    unlabelled: falseAlarms(
      scenes
        .filter((scene) => !isLabelled(scene))
        .map(({ seconds, heard }) => ({ seconds, events: heard, reference: [] })),
      labels,
    ),
    labelled: falseAlarms(
      labelled.map(({ seconds, heard, reference }) => ({ seconds, events: heard, reference })),
      labels,
    ),
    agreement: other === undefined ? null : agreementOf(result, other),
  };
}

export function isLabelled(scene: TrialScene): scene is TrialScene & { reference: readonly SceneEvent[] } {
  return scene.reference !== undefined;
}

function countLabelled(scene: TrialScene & { reference: readonly SceneEvent[] }, classes: number): CountedRecording {
  return countScenes(
    {
      name: scene.name,
      reference: { kind: 'events', events: scene.reference },
      prediction: { kind: 'events', events: scene.heard },
    },
    classes,
    { seconds: Math.max(1, Math.ceil(scene.seconds)), perClass: true },
  );
}

/** What the message evaluation carries: plain figures by name. */
export function figuresOf({ scores }: PartScores): Record<string, number | null> {
  const { ER, F1, DE, DE_unsnapped, FR, SELD, joint_micro } = scores;
  const { ER20, F20, LE_CD, LR_CD } = joint_micro;
  return { ER, F1, DE, DE_unsnapped, FR, SELD, ER20, F20, LE_CD, LR_CD };
}

/** The judgement for a terminal. */
export function judgementText({ scenes, parts, unlabelled, labelled, agreement }: TrialJudgement): string {
  const total = scenes.reduce((sum, { seconds }) => sum + seconds, 0);
  const lines = [`${scenes.length} recording${scenes.length === 1 ? '' : 's'}, ${duration(total)}`, ''];
  if (parts.length > 0) lines.push(scoreTable(parts));
  if (labelled.hours > 0) lines.push(alarmLine('with labels', labelled));
  if (unlabelled.hours > 0) lines.push(alarmLine('without labels', unlabelled));
  if (agreement) lines.push(agreementLine(agreement));
  return `${lines.join('\n')}\n`;
}

function alarmLine(which: string, { alarms, perHour, hours, perClass }: FalseAlarms): string {
  const worst = Object.entries(perClass)
    .filter(([, rate]) => rate > 0)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 3)
    .map(([label, rate]) => `${label} ${rate.toFixed(1)}`);
  const most = worst.length > 0 ? `; most: ${worst.join(', ')}` : '';
  return `False alarms on recordings ${which}: ${perHour!.toFixed(1)} per hour (${alarms} in ${duration(3600 * hours)}${most})`;
}

export function agreementLine(agreement: Agreement): string {
  const { recordings, same, ours, theirs, eventAgreement, decisionAgreement, largestDifference, meanDifference } =
    agreement;
  const share = (value: number | null) => (value === null ? '-' : `${(100 * value).toFixed(2)} %`);
  const number = (value: number | null) => (value === null ? '-' : value.toFixed(4));
  return (
    `Agreement over ${recordings} recording${recordings === 1 ? '' : 's'}: events ${share(eventAgreement)} (${same} the same of ${ours} here and ${theirs} there), ` +
    `decisions ${share(decisionAgreement)}, scores differ by ${number(meanDifference)} on average, ${number(largestDifference)} at most`
  );
}
