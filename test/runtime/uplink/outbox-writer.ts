// A process that fills an outbox as fast as it can and says which messages it was told are durable, until it is killed.
import { writeSync } from 'node:fs';
import { Outbox } from '../../../runtime/uplink/outbox.ts';

const [folder, first] = process.argv.slice(2);
const outbox = await Outbox.open({ folder: folder!, commitMs: 0, cursorMs: 1 });
let number = Number(first);
const keep = async (): Promise<void> => {
  for (;;) {
    const mine = number;
    number += 1;
    const index = await outbox.append('t', JSON.stringify({ number: mine }));
    writeSync(1, `${index} ${mine}\n`);
  }
};
await Promise.all([keep(), keep(), keep(), keep()]);
