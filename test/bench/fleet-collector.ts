// One collector of several, in a process of its own. Told by one JSON argument; ends on a line of standard input.
import { Collector } from '../../tools/fleet/collector.ts';
import { openDatabase } from '../../tools/fleet/database.ts';

const order = JSON.parse(process.argv[2]!) as { url: string; database: string; clientId: string; batchLimit: number };
const database = await openDatabase(order.database);
const collector = new Collector({ ...order, database, group: 'hubs' });
await collector.start();
process.stdout.write(`${JSON.stringify({ started: true })}\n`);
await new Promise((resolve) => process.stdin.once('data', resolve));
await collector.stop();
await database.close();
process.exit(0);
