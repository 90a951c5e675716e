// An MQTT broker inside this process, for machines that have none: the one door to aedes (MQTT 3.1.1).
import { createServer } from 'node:net';
import { Aedes } from 'aedes';

export interface Broker {
  /** Where clients of this machine reach it. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a broker on a free port of the loopback interface: nothing outside this machine can reach it. */
export async function startBroker(): Promise<Broker> {
  const aedes = await Aedes.createBroker();
  const server = createServer(aedes.handle);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the broker has no port');
  return {
    url: `mqtt://127.0.0.1:${address.port}`,
    async stop() {
      await new Promise<void>((resolve) => aedes.close(resolve));
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
