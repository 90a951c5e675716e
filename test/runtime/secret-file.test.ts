// Which files with secrets are used: nobody but their owner reads them, or root's group where root has put them.
import { othersCanRead } from '../../runtime/secret-file.ts';

test.each([
  [0o600, 1000, false],
  [0o400, 1000, false],
  [0o640, 1000, true],
  [0o604, 1000, true],
  [0o640, 0, false],
  [0o440, 0, false],
  [0o660, 0, true],
  [0o644, 0, true],
  [0o600, 0, false],
])('a file of mode %o that belongs to user %i: others can read it: %s', (mode, uid, expected) => {
  expect(othersCanRead({ mode: 0o100_000 | mode, uid })).toBe(expected);
});
