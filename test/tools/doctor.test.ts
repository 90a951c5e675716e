// earshot doctor: every check says what it found, and a failure what to do.
import { examine } from '../../tools/doctor-checks.ts';
import { earshot, jsonLines } from '../earshot.ts';

test('each thing that earshot needs is looked at, and what is missing comes with the way out', async () => {
  const { code, stdout } = await earshot(['doctor', '--json']);
  const findings = jsonLines(stdout);
  expect(findings.map(({ check }) => check)).toEqual(
    expect.arrayContaining(['node', 'models', 'inference', 'bundled recording', 'pictures', 'disk', 'training']),
  );
  expect(findings.find(({ check }) => check === 'node')).toMatchObject({ verdict: 'ok' });
  expect(findings.find(({ check }) => check === 'pictures')).toMatchObject({ verdict: 'ok' });
  for (const { verdict, wayOut } of findings) expect(verdict === 'ok').toBe(wayOut === undefined);
  expect(code).toBe(findings.some(({ verdict }) => verdict === 'fail') ? 1 : 0);
});

test('people get one line for each finding', async () => {
  const { stdout } = await earshot(['doctor']);
  expect(stdout).toMatch(/^ok +node +Node \d+\.\d+\.\d+ on /);
});

test('a check that throws is a finding, not a crash', async () => {
  const look = async () => {
    throw new Error('the disk is on fire\nwith details');
  };
  expect(await examine({ missing: 'fail', wayOut: 'call the fire brigade', look })).toEqual({
    verdict: 'fail',
    found: 'the disk is on fire',
    wayOut: 'call the fire brigade',
  });
});
