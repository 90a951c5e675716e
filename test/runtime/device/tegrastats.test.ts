// Lines of tegrastats recorded on nine kinds of boards, read by eye, and what no board would print.
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { parseTegrastats, type Tegrastats } from '../../../runtime/device/tegrastats.ts';

const FOLDER = new URL('../../fixtures/tegrastats/', import.meta.url);
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));

function recorded(name: string): Tegrastats {
  return parseTegrastats(readFileSync(new URL(`${name}.txt`, FOLDER), 'utf8'));
}

/** Per file: used and total MB, cores, GPU load in percent, fastest GPU clock in MHz, zones, rails; counted by hand. */
const BY_EYE: Record<string, [number, number, number, number | null, number | null, number, number]> = {
  'agx-orin-64gb-dla-busy-l4t-unrecorded': [13983, 62780, 12, 14, 407, 11, 4],
  'agx-orin-r39.2': [20642, 62817, 12, 12, 1300, 4, 3],
  'agx-thor-r38.4': [105265, 125772, 14, null, 314, 5, 4],
  'agx-thor-r39-idle-testfixture': [3429, 125749, 3, null, 1574, 3, 2],
  'agx-thor-r39-loaded-testfixture': [8353, 125749, 4, 87, 1574, 5, 4],
  'agx-xavier-r32': [14700, 15692, 8, 0, null, 7, 6],
  'nano-r32': [1738, 3956, 4, 0, null, 5, 3],
  'orin-nano-busy-sudo-l4t-unrecorded': [6712, 7620, 6, 99, 612, 6, 3],
  'orin-nano-idle-sudo-l4t-unrecorded': [1343, 7620, 6, 0, 305, 6, 3],
  'orin-nano-super-r36.4.3': [2147, 7620, 6, 0, null, 6, 3],
  'orin-nx-gr3d2-l4t-unrecorded': [998, 15389, 8, 0, null, 9, 0],
  'orin-nx-r35.4.1': [4461, 15524, 8, 0, 0, 9, 0],
  'tx2-r32': [2020, 7852, 6, 0, null, 7, 6],
  'xavier-nx-nosudo-l4t-unrecorded': [2130, 7774, 6, 0, null, 5, 0],
  'xavier-nx-sudo-l4t-unrecorded': [2387, 7774, 6, 0, 114, 5, 3],
};

test('the list read by eye has every recorded line', () => {
  expect(FILES.map((name) => name.slice(0, -4)).sort()).toEqual(Object.keys(BY_EYE).sort());
});

test.each(Object.entries(BY_EYE))('the line of %s says what a person reads in it', (name, expected) => {
  const { memory, cores, gpu, celsius, watts } = recorded(name);
  const percent = gpu.load === null ? null : Math.round(100 * gpu.load);
  const megahertz = gpu.hertz === null ? null : gpu.hertz / 1e6;
  const [zones, rails] = [Object.keys(celsius).length, Object.keys(watts).length];
  const mib = 2 ** 20;
  expect([memory!.usedBytes / mib, memory!.totalBytes / mib, cores.length, percent, megahertz, zones, rails]).toEqual(
    expected,
  );
});

test('a load that the board does not tell is unknown, not zero', () => {
  expect(recorded('agx-thor-r38.4').gpu).toEqual({ load: null, hertz: 314e6 });
  expect(recorded('orin-nano-super-r36.4.3').memoryController).toEqual({ load: null, hertz: null });
  expect(recorded('tx2-r32').swap).toBeNull();
});

test('rails and zones that share their names stay apart, with and without units and peaks', () => {
  const xavier = recorded('agx-xavier-r32');
  expect(xavier.watts).toEqual({ GPU: 0.463, CPU: 0.618, SOC: 2.936, CV: 0, VDDRQ: 0.309, SYS5V: 3.306 });
  expect(xavier.celsius).toEqual({ ao: 30, gpu: 30.5, tboard: 31, tdiode: 32, aux: 30.5, cpu: 31.5, thermal: 30.8 });
  expect(recorded('agx-thor-r39-loaded-testfixture').watts).toMatchObject({ VDD_GPU: 37.939, VIN: 124.486 });
  expect(recorded('agx-orin-r39.2').celsius).toEqual({ cpu: 52.968, soc2: 48.406, soc0: 49.531, gpu: 47.625 });
});

test('cores that are off have no load, and one clock may stand for all of them', () => {
  expect(recorded('agx-thor-r39-idle-testfixture').cores).toEqual([
    { load: 0, hertz: 2601e6 },
    { load: 0.05, hertz: 2601e6 },
    null,
  ]);
  expect(parseTegrastats('CPU [5%@1190,off,off]').cores).toEqual([{ load: 0.05, hertz: 1190e6 }, null, null]);
});

test('zones that are offline are unknown, frost is a temperature, what is not connected is no rail', () => {
  const { celsius, watts } = parseTegrastats('CV0@-256C GPU@-51C iwlwifi@30C NC 0mW/0mW VDD_IN 5100mW/5000mW');
  expect(celsius).toEqual({ cv0: null, gpu: -51, iwlwifi: 30 });
  expect(watts).toEqual({ VDD_IN: 5.1 });
});

test('no line makes it throw, and what it finds is a number or unknown', () => {
  const tokens = FILES.flatMap((name) => readFileSync(new URL(name, FOLDER), 'utf8').trim().split(' '));
  const garbled = fc.array(fc.oneof(fc.constantFrom(...tokens), fc.string()), { maxLength: 40 });
  fc.assert(
    fc.property(
      fc.oneof(
        garbled.map((parts) => parts.join(' ')),
        fc.string({ unit: 'binary' }),
      ),
      (line) => {
        const { cores, gpu, celsius, watts, memory } = parseTegrastats(line);
        const figures = [gpu.load, gpu.hertz, ...Object.values(celsius), ...Object.values(watts)];
        figures.push(memory?.usedBytes ?? null, ...cores.flatMap((core) => (core ? [core.load, core.hertz] : [])));
        expect(figures.every((figure) => figure === null || Number.isFinite(figure))).toBe(true);
      },
    ),
    { numRuns: 1000 },
  );
});

test('a recorded line cut at any place is still read as far as it goes', () => {
  for (const name of FILES) {
    const line = readFileSync(new URL(name, FOLDER), 'utf8').trim();
    for (let end = 0; end < line.length; end += 1) expect(() => parseTegrastats(line.slice(0, end))).not.toThrow();
  }
});
