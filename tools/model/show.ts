// earshot model show: what a model consists of, as a table or a picture.
import { basename } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { printJson } from '../command.ts';
import { checkPictureName, type DiagramNode, writeGraphPicture } from '../graph-picture.ts';
import { parseGraph, readModelFile } from './graph/read-graph.ts';
import { type LayerRow, type LayerTable, layerTable, type Terminal } from './layer-table.ts';
import { modelFile } from './model-file.ts';

interface Options {
  readonly frames: number;
  readonly graph?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  earshot model show models/res-scse-crnn-foa
  earshot model show exported.onnx --frames 128 --json
  earshot model show models/lab/model.onnx --graph lab.svg

MACs are multiply-accumulates of convolutions, matrix products and recurrent layers. Parameters are what training learns:
statistics of batch norms, shapes and limits do not count. Bytes are those of all constants.`;

export function showCommand(): Command {
  return new Command('show')
    .summary('list the layers of a model, or draw it')
    .description('Lists the nodes of an ONNX model with shapes, parameters, work and number formats.')
    .argument('<model>', 'ONNX file or model folder')
    .option('--frames <number>', 'length of the window that shapes and work are told for', wholeNumber, 300)
    .option('--graph <file>', 'draw the model as well: .svg or .png')
    .option('--json', 'print one JSON object per layer, then the totals')
    .addHelpText('after', EXAMPLES)
    .action(show);
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 1 to 999999.');
}

async function show(model: string, { frames, graph: picture, json }: Options): Promise<void> {
  if (picture !== undefined) checkPictureName(picture, '--graph');
  const file = await modelFile(model);
  const graph = parseGraph(await readModelFile(file), file);
  const table = layerTable(graph, frames);
  if (json) {
    for (const layer of table.layers) printJson({ type: 'layer', ...layer });
    printJson({ type: 'totals', file, frames, opset: graph.opset, ...table.totals, unknown: table.unknown });
  } else process.stdout.write(`${formatTable(table)}\n`);
  if (picture === undefined) return;
  const { nodes, parameters, macs } = table.totals;
  const subtitle = `${nodes} nodes, ${thousands(parameters)} parameters, ${millions(macs)} M MACs per window of ${frames} frames`;
  await writeGraphPicture(diagramNodes(table), graph.name || basename(file), subtitle, picture);
  if (json) printJson({ type: 'picture', file: picture });
  else process.stdout.write(`${picture}\n`);
}

/** The table as text, columns aligned. */
export function formatTable({ layers, totals, unknown, frames }: LayerTable): string {
  const head = ['operator', 'name', 'output', 'parameters', 'M MACs', 'bytes', 'format'];
  const rows = layers.map((layer) => [
    layer.op,
    layer.name,
    shapeText(layer.shape),
    layer.parameters > 0 ? thousands(layer.parameters) : '',
    layer.macs === 0 ? '' : millions(layer.macs),
    layer.bytes > 0 ? thousands(layer.bytes) : '',
    formatOf(layer),
  ]);
  const total = [
    'total',
    `${totals.nodes} nodes, ${frames} frames`,
    '',
    thousands(totals.parameters),
    millions(totals.macs),
    thousands(totals.bytes),
    '',
  ];
  const widths = head.map((_, i) => Math.max(...[head, ...rows, total].map((row) => row[i]!.length)));
  const isNumber = (i: number) => i >= 3 && i <= 5;
  const line = (row: string[]) =>
    row
      .map((cell, i) => (isNumber(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  const note = unknown.length > 0 ? [`Not told (${unknown.length}): ${unknown.join(', ')}`] : [];
  return [line(head), rule, ...rows.map(line), rule, line(total), ...note].join('\n');
}

function formatOf({ dtype = '?', weights }: LayerRow): string {
  return weights === undefined || weights === dtype ? dtype : `${dtype}, weights ${weights}`;
}

function shapeText(shape: readonly number[] | undefined): string {
  return shape === undefined ? '?' : shape.join(' x ') || 'scalar';
}

/** 640044 as 640 044. */
function thousands(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ' ');
}

function millions(value: number): string {
  if (Number.isNaN(value)) return '?';
  return value >= 5e3 ? (value / 1e6).toFixed(2) : (value / 1e6).toPrecision(1);
}

/** Colours: one for each kind of work. */
const KINDS: readonly (readonly string[])[] = [
  ['Conv', 'ConvTranspose', 'QLinearConv'],
  ['MaxPool', 'AveragePool', 'GlobalAveragePool', 'ReduceMean', 'ReduceL2'],
  ['GRU', 'LSTM'],
  ['Elu', 'Relu', 'Sigmoid', 'Tanh', 'Clip', 'Exp', 'Max', 'Min', 'Sub'],
  ['BatchNormalization'],
  ['MatMul', 'Gemm'],
  ['Add', 'Mul', 'Div'],
  ['QuantizeLinear', 'DequantizeLinear'],
];
const OTHER_KIND = 9;

/** Inputs first, then the nodes, outputs last. */
function diagramNodes({ inputs, outputs, layers, totals }: LayerTable): DiagramNode[] {
  const terminal = ({ name, shape }: Terminal, reads: readonly number[]) => {
    return { title: name, detail: shape?.join('×') ?? '?', kind: OTHER_KIND, share: 0, reads };
  };
  const nodes = layers.map((layer, i) => {
    const kind = KINDS.findIndex((operators) => operators.includes(layer.op));
    const parameters = layer.parameters > 0 ? ` · ${thousands(layer.parameters)}` : '';
    return {
      title: layer.op,
      detail: `${layer.shape?.join('×') ?? '?'}${parameters}`,
      kind: kind < 0 ? OTHER_KIND : kind,
      share: totals.macs > 0 ? layer.macs / totals.macs || 0 : 0,
      reads: [
        ...layer.reads.map((node) => node + inputs.length),
        ...inputs.flatMap((input, k) => (input.nodes.includes(i) ? [k] : [])),
      ],
    };
  });
  return [
    ...inputs.map((input) => terminal(input, [])),
    ...nodes,
    ...outputs.map((output) =>
      terminal(
        output,
        output.nodes.map((node) => node + inputs.length),
      ),
    ),
  ];
}
