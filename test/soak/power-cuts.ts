// node dist/test/soak/power-cuts.js [RANDOM CUTS]: the power goes after every single change of the disk that an update makes, with and
// without losing what was not synced, and at random times. After each cut a whole slot must run. Some minutes.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bench, MOMENTS, type Outcome } from '../runtime/device/power-cuts.ts';

const randomCuts = Number(process.argv[2] ?? 100);
const LOSSES = 2;
const folder = mkdtempSync(join(tmpdir(), 'earshot-cuts-'));
/** Numbers that are the same in each run (Park and Miller's generator). */
let seed = 20261123;
const random = () => {
  seed = (seed * 48271) % 2147483647;
  return seed / 2147483647;
};
try {
  const bench = await Bench.create(folder);
  const ran: Record<string, number> = {};
  let cuts = 0;
  const count = (moment: string, { ran: name, wasCut }: Outcome) => {
    if (wasCut) cuts += 1;
    ran[`${moment}: ${name}`] = (ran[`${moment}: ${name}`] ?? 0) + 1;
  };
  for (const moment of MOMENTS) {
    for (let changes = 1, wasCut = true; wasCut; changes++) {
      const outcome = await bench.cut(moment, { changes });
      count(moment, outcome);
      wasCut = outcome.wasCut;
      for (let i = 0; wasCut && i < LOSSES; i++) {
        count(`${moment}, unsynced lost`, await bench.cut(moment, { changes }, () => random() < 0.5));
      }
    }
  }
  for (let i = 0; i < randomCuts; i++) {
    const moment = MOMENTS[i % MOMENTS.length]!;
    count(`${moment}, any time`, await bench.cut(moment, { ms: Math.round(40 + 500 * random()) }));
  }
  for (const [what, times] of Object.entries(ran)) process.stdout.write(`${String(times).padStart(5)}  ${what}\n`);
  process.stdout.write(`ok    ${cuts} power cuts, after each a whole slot ran\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
