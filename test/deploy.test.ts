// What the examples of docs/deploy say: valid YAML, whose hubs are started with settings that this earshot has.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { fleetServeCommand } from '../tools/fleet/serve.ts';

const FOLDER = fileURLToPath(new URL('../docs/', import.meta.url));
const FILES = ['deploy/compose.yaml', ...names('deploy/kubernetes'), ...names('prometheus')];

function names(folder: string): string[] {
  return readdirSync(FOLDER + folder)
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => `${folder}/${name}`);
}

function documentsOf(file: string): unknown[] {
  return parseAllDocuments(readFileSync(FOLDER + file, 'utf8'), { merge: true }).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS();
  });
}

/** Lists of arguments anywhere in a document. */
function argumentLists(node: unknown): string[][] {
  if (Array.isArray(node)) {
    if (node[0] === 'fleet' && node[1] === 'serve') return [node as string[]];
    return node.flatMap(argumentLists);
  }
  return typeof node === 'object' && node !== null ? Object.values(node).flatMap(argumentLists) : [];
}

test.each(FILES)('%s is valid YAML', (file) => {
  expect(documentsOf(file).length).toBeGreaterThan(0);
});

test('hubs are started with options that exist, with TLS, in one group and under different names', () => {
  const known = new Set(fleetServeCommand().options.map(({ long }) => long));
  const lists = FILES.flatMap(documentsOf).flatMap(argumentLists);
  expect(lists).toHaveLength(3);
  for (const [, , ...given] of lists) {
    for (const argument of given) expect(known).toContain(argument.split('=')[0]);
    expect(given).toEqual(
      expect.arrayContaining([
        '--group=hubs',
        expect.stringMatching(/^--tls-cert=/),
        expect.stringMatching(/^--broker=mqtts:/),
      ]),
    );
  }
  const hubs = lists.map((list) => list.find((argument) => argument.startsWith('--name=')));
  expect(new Set(hubs).size).toBe(3);
});

test.each(names('deploy/kubernetes'))(
  '%s keeps to its namespace, names its kinds and marks itself as not run',
  (file) => {
    expect(readFileSync(FOLDER + file, 'utf8')).toContain('NOT RUN');
    for (const each of documentsOf(file) as {
      apiVersion?: string;
      kind?: string;
      metadata?: { namespace?: string };
    }[]) {
      expect(each).toMatchObject({ apiVersion: expect.any(String), kind: expect.any(String) });
      if (each.kind !== 'Namespace') expect(each.metadata?.namespace).toBe('earshot');
    }
  },
);
