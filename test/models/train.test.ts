// The trainer's own tests, written in Python beside it (models/train/test_*.py), run with the rest where PyTorch is.
import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SCRIPTS = fileURLToPath(new URL('../../models/train', import.meta.url));
const PYTHON = process.env.EARSHOT_PYTHON ?? 'python3';
const PATIENCE_MS = 600_000;

const hasTorch = (() => {
  try {
    execFileSync(PYTHON, ['-c', 'import numpy, safetensors, torch'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

(hasTorch ? test : test.skip)(
  'the trainer passes its own tests (needs PyTorch; EARSHOT_PYTHON names a Python that has it)',
  async () => {
    const { stderr } = await promisify(execFile)(PYTHON, ['-m', 'unittest'], { cwd: SCRIPTS });
    expect(stderr).toMatch(/Ran [1-9]\d* tests[\s\S]*OK/);
  },
  PATIENCE_MS,
);
