// trtexec in tests: takes only the options of its release, prints what the real one prints, writes an engine for onnx-runner.ts.
// Run: node test/fakes/trtexec.mjs ORDERS.json --onnx=... ; orders: { version, release, fault?, milliseconds?, log? }
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { accepts } from '../../dist/models/tensorrt.js';

const [ordersFile, ...args] = process.argv.slice(2);
const { version, release, fault, milliseconds = 0, log } = JSON.parse(readFileSync(ordersFile, 'utf8'));
const options = Object.fromEntries(args.map((arg) => [arg.split('=')[0], arg.slice(arg.indexOf('=') + 1)]));
const [onnx, engine] = [options['--onnx'], options['--saveEngine']];
if (log) appendFileSync(log, `${args.join(' ')}\n`);

function printed(name, option = '') {
  const text = readFileSync(new URL(`../fixtures/trtexec/${name}.txt`, import.meta.url), 'utf8');
  return text
    .replaceAll('@VERSION@', version)
    .replaceAll('@ONNX@', onnx)
    .replaceAll('@ENGINE@', engine)
    .replaceAll('@OPTION@', option);
}

function fail(name, option) {
  process.stdout.write(printed(name, option));
  process.exit(1);
}

const unknown = Object.keys(options).find((option) => !accepts(release, option));
if (unknown) fail('unknown-option', unknown);
const lines = printed('build').split('\n');
const built = lines.findIndex((line) => line.includes('Engine built'));
process.stdout.write(`${lines.slice(0, built).join('\n')}\n`);
await new Promise((resolve) => setTimeout(resolve, milliseconds));

const shape = (option) => options[option].split(':')[1].split('x').map(Number);
const off = fault === 'off' ? { kind: 'off', window: 0 } : undefined;
const content = JSON.stringify({ onnx, smallest: shape('--minShapes'), largest: shape('--maxShapes'), fault: off });
if (fault === 'killed') {
  writeFileSync(engine, content.slice(0, 20));
  process.kill(process.pid, 'SIGKILL');
  await new Promise(() => setInterval(() => undefined, 1000));
}
if (fault === 'disk-full') writeFileSync(engine, content.slice(0, 20));
if (fault && fault !== 'off' && fault !== 'empty') fail(fault);
writeFileSync(engine, fault === 'empty' ? '' : content);
process.stdout.write(lines.slice(built).join('\n'));
