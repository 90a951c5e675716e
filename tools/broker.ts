// An MQTT broker inside this process, for machines that have none: the one door to aedes (MQTT 3.1.1).
import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import { UserError } from './command.ts';

export interface Broker {
  /** Where clients of this machine reach it. */
  readonly url: string;
  stop(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';

/**
 * Starts a broker on the loopback interface: nothing outside this machine can reach it.
 * @param port a free one by default
 * @throws UserError when the port is taken or not ours to open
 */
export async function startBroker(port = 0): Promise<Broker> {
  const aedes = await Aedes.createBroker();
  const server = createServer(aedes.handle);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, LOOPBACK, resolve);
  }).catch((cause: Error) => {
    throw new UserError(
      `No broker can listen on port ${port} (${cause.message}): stop what does, or give another port.`,
      { cause },
    );
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the broker has no port');
  return {
    url: `mqtt://${LOOPBACK}:${address.port}`,
    async stop() {
      await new Promise<void>((resolve) => aedes.close(resolve));
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
