// A process that signs one server after the other and tells each serial number when it has it, until it is killed.
import { signServer } from '../../../tools/fleet/ca-sign.ts';

const [folder] = process.argv.slice(2);
for (let n = 0; ; n += 1) process.stdout.write(`${(await signServer(folder!, [`host-${n}`])).serial}\n`);
