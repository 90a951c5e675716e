// A device as a process of its own, to be killed: tells a sound every few milliseconds, with an outbox, to a broker that may be away.
import { event, INFO, uplinkTo } from './device.ts';

const [url, folder, bootId] = process.argv.slice(2);
const uplink = uplinkTo(url!, { bootId: bootId!, outbox: { folder: folder!, cursorMs: 20 } });
await uplink.start(INFO);
for (let track = 1; ; track += 1) {
  uplink.publish(event({ trackId: track }));
  await new Promise((resolve) => setTimeout(resolve, 2));
}
