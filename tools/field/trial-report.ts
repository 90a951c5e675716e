// report.html: a trial on one page with its pictures inside, to be looked at in any browser and sent to anybody.
import { basename, extname } from 'node:path';
import { duration } from '../progress.ts';
import {
  drawClasses,
  drawConfusion,
  drawDirections,
  drawRecording,
  drawReliabilityOf,
  pngOf,
} from '../score-pictures.ts';
import { matchSounds } from './matching.ts';
import { agreementLine, figuresOf, isLabelled, type TrialJudgement, type TrialScene } from './trial-judgement.ts';
import type { TrialResult } from './trial-result.ts';

/** Recordings that are drawn: those with the most mistakes. */
const DRAWN = 6;
/** Longer recordings are drawn up to here: what matters could not be told apart. */
const LONGEST_SECONDS = 600;

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2733; max-width: 1200px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
table { border-collapse: collapse; margin: 0.5rem 0; } td, th { padding: 0.25rem 0.9rem 0.25rem 0; text-align: right; }
td:first-child, th:first-child { text-align: left; } th { font-weight: 600; border-bottom: 1px solid #c9ced6; }
tr:first-child + tr td { font-weight: 600; } img { width: 100%; height: auto; border: 1px solid #e4e7ec; margin: 0.5rem 0; }
.facts { color: #687282; } .big { font-size: 1.15rem; }`;

/** Draws what there is to draw: without labels only how often something was heard. */
export async function trialReport(result: TrialResult, judgement: TrialJudgement, time: Date): Promise<string> {
  const { model, backend, machine } = result;
  const { scenes, unlabelled, agreement } = judgement;
  const seconds = scenes.reduce((sum, scene) => sum + scene.seconds, 0);
  const parts = [
    `<h1>${escapeHtml(model.name)}: evaluation in the field</h1>`,
    `<p class="facts">${time.toISOString().slice(0, 16).replace('T', ' ')} UTC · ${escapeHtml(backend)} on ${escapeHtml(machine)} · network ${model.sha256.slice(0, 12)} · ` +
      `${scenes.length} recordings, ${duration(seconds)}</p>`,
    ...(await scoredParts(judgement, model.labels)),
    ...(unlabelled.hours > 0 ? alarmPart(judgement) : []),
    ...(agreement ? [`<h2>Agreement with another machine</h2><p>${escapeHtml(agreementLine(agreement))}.</p>`] : []),
  ];
  return `<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>${escapeHtml(model.name)}: evaluation</title><style>${STYLE}</style>\n${parts.join('\n')}\n</html>\n`;
}

async function scoredParts(judgement: TrialJudgement, labels: readonly string[]): Promise<string[]> {
  const labelled = judgement.scenes.filter(isLabelled);
  if (labelled.length === 0) return [];
  const scenes = labelled.map(({ name, reference, heard, seconds }) => ({
    ...{ name, seconds: Math.max(1, Math.ceil(seconds)) },
    reference: { kind: 'events' as const, events: reference },
    prediction: { kind: 'events' as const, events: heard },
  }));
  const told = labelled.map(({ reference, heard }) => ({ reference, events: heard }));
  const pictures = [
    ['Each class', drawClasses(scenes, labels, 'How well each class is heard')],
    ['Directions', drawDirections(scenes, labels, 'How wrong directions are, and where')],
    ['Confusions', drawConfusion(scenes, labels, 'What is taken for what')],
    ['Confidence', drawReliabilityOf(told, labels, 'Can its confidence be believed?')],
  ] as const;
  const drawn: string[] = [];
  for (const [heading, svg] of pictures) drawn.push(`<h2>${heading}</h2>${await image(svg, heading)}`);
  drawn.push(`<h2>Recordings with the most mistakes</h2>`);
  for (const scene of worst(labelled)) {
    const durationSeconds = Math.min(LONGEST_SECONDS, scene.seconds);
    const svg = drawRecording({ ...scene, prediction: scene.heard, labels, durationSeconds, title: scene.name });
    drawn.push(await image(svg, scene.name));
  }
  return [scoreRows(judgement), ...drawn];
}

function scoreRows({ parts, labelled }: TrialJudgement): string {
  const names = ['F1', 'ER', 'DE_unsnapped', 'F20', 'LE_CD', 'LR_CD'];
  const cell = (name: string, value: number | null) => {
    if (value === null) return '–';
    return name === 'DE_unsnapped' || name === 'LE_CD' ? `${value.toFixed(1)}°` : value.toFixed(3);
  };
  const rows = parts.map((part) => {
    const figures = figuresOf(part);
    const cells = names.map((name) => `<td>${cell(name, figures[name] ?? null)}</td>`).join('');
    return `<tr><td>${escapeHtml(part.value || 'all classes')}</td>${cells}</tr>`;
  });
  const head = [
    '',
    'F1',
    'Error rate',
    'Direction error',
    'F1 within 20°',
    'Direction error of hits',
    'Recall of hits',
  ];
  return (
    `<h2>Scores</h2><table><tr>${head.map((name) => `<th>${name}</th>`).join('')}</tr>${rows.join('')}</table>` +
    `<p>${labelled.perHour!.toFixed(1)} false alarms per hour on ${duration(3600 * labelled.hours)} with labels. Error rate and F1 count what sounded in one-second segments (DCASE 2019); the last three ask for class and direction (DCASE 2020 and later).</p>`
  );
}

function alarmPart({ unlabelled }: TrialJudgement): string[] {
  const rows = Object.entries(unlabelled.perClass)
    .sort(([, a], [, b]) => b - a)
    .map(([label, rate]) => `<tr><td>${escapeHtml(label)}</td><td>${rate.toFixed(2)}</td></tr>`);
  return [
    `<h2>Recordings without labels</h2><p class="big">${unlabelled.perHour!.toFixed(1)} sounds heard per hour in ${duration(3600 * unlabelled.hours)}. ` +
      'If nothing of the classes sounded, all of them are false alarms.</p>',
    `<table><tr><th>Class</th><th>per hour</th></tr>${rows.join('')}</table>`,
  ];
}

type Labelled = TrialScene & { reference: NonNullable<TrialScene['reference']> };

function worst(scenes: readonly Labelled[]): readonly Labelled[] {
  const mistakes = ({ heard, reference }: Labelled) => {
    const { onlyA, onlyB } = matchSounds(heard, reference);
    return onlyA.length + onlyB.length;
  };
  return [...scenes]
    .map((scene) => ({ scene, count: mistakes(scene) }))
    .sort((a, b) => b.count - a.count)
    .slice(0, DRAWN)
    .map(({ scene }) => scene);
}

async function image(svg: string, name: string): Promise<string> {
  const png = await pngOf(svg);
  return `<img alt="${escapeHtml(basename(name, extname(name)))}" src="data:image/png;base64,${png.toString('base64')}">`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);
}
