// Compiles kernels.as into kernels-wasm.ts: `npm run build && node dist/runtime/features/make-kernels.js` after a change of it.
// The compiler is fetched for the occasion (100 MB); the 2 KB it makes are committed, so nobody else needs it.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../worker-file.ts';

const COMPILER = 'assemblyscript@0.28.20';
const OPTIONS = '-O3 --noAssert --runtime stub --enable simd --importMemory --initialMemory 1 --noExportMemory'.split(
  ' ',
);

const here = join(PACKAGE_ROOT, 'runtime/features');
const source = join(here, 'kernels.as');
const folder = mkdtempSync(join(tmpdir(), 'earshot-kernels-'));
try {
  copyFileSync(source, join(folder, 'kernels.ts')); // the compiler knows no other ending
  const compiler = ['--yes', '--package', COMPILER, 'asc'];
  execFileSync('npx', [...compiler, 'kernels.ts', ...OPTIONS, '-o', 'kernels.wasm'], { cwd: folder, stdio: 'inherit' });
  const wasm = readFileSync(join(folder, 'kernels.wasm')).toString('base64');
  const sha256 = createHash('sha256').update(readFileSync(source)).digest('hex');
  writeFileSync(
    join(here, 'kernels-wasm.ts'),
    `// Made by make-kernels.ts from kernels.as; not to be edited.\n\n` +
      `/** Of the kernels.as that this was made from. */\nexport const SOURCE_SHA256 = '${sha256}';\n\n` +
      `export const WASM_BASE64 =\n  '${wasm}';\n`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
