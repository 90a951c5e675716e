// A power cut at any step of an update leaves a slot that runs. Some of the cuts that test/soak/power-cuts.ts makes.
import { temporaryFolder } from '../../loudness-model.ts';
import { Bench, MOMENTS, type Moment } from './power-cuts.ts';

const STRIDE = 9;

test.each(MOMENTS)('the power goes during: %s', async (moment: Moment) => {
  const bench = await Bench.create(await temporaryFolder());
  let cuts = 0;
  for (let changes = 1; ; changes += STRIDE) {
    let throws = changes;
    const coin = () => throws++ % 3 !== 0;
    const { ran, wasCut } = await bench.cut(moment, { changes }, changes % 2 === 0 ? coin : undefined);
    expect(ran).toMatch(moment === 'going back' ? /^release-1$/ : /^release-[12]$/);
    if (!wasCut) break;
    cuts += 1;
  }
  expect(cuts).toBeGreaterThan(0);
});
