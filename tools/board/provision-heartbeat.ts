// The proof that a board has become a device: its heartbeat, heard at the broker by somebody else.
import type { Config } from '../../runtime/config.ts';
import { readBrokerAccess } from '../../runtime/uplink/broker-access.ts';
import { MqttLink } from '../../runtime/uplink/mqtt.ts';
import { decode, filterOf, type HealthMessage } from '../../runtime/uplink/topics.ts';
import { UserError } from '../command.ts';
import type { Plan } from './provision-plan.ts';
import { notSo, type Step, so } from './provision-step.ts';

/** How we look at the broker; not as the device does. */
export type Watch = Pick<Config, 'tls' | 'credentials'> & { readonly broker: string };

/** A message that was retained for us may be of yesterday. */
const FRESH_MS = 120_000;

/** @param waitMs for the first heartbeat */
export function heartbeatStep(plan: Plan, watch: Watch, waitMs = 180_000): Step {
  const { site, device } = plan;
  let latest: HealthMessage | undefined;
  const told = () => {
    if (!latest) return notSo('not heard yet');
    const faults = latest.faults?.map(({ code }) => code) ?? [];
    return so(faults.length > 0 ? `it lives, with faults: ${faults.join(', ')}` : 'it lives, without a fault');
  };
  return {
    name: 'heartbeat',
    aim: `a fresh health message of ${site}/${device} at ${watch.broker}`,
    look: async () => told(),
    async make() {
      const access = await readBrokerAccess(watch);
      const link = new MqttLink({
        url: watch.broker,
        access,
        clientId: `earshot-provision-${site}-${device}`.slice(0, 60),
      });
      await link.start();
      try {
        latest = await firstHeartbeat(link, plan, waitMs);
      } finally {
        await link.stop();
      }
    },
  };
}

async function firstHeartbeat(link: MqttLink, { site, device }: Plan, waitMs: number): Promise<HealthMessage> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<HealthMessage>((resolve, reject) => {
      timer = setTimeout(
        () =>
          reject(
            new UserError(
              `No heartbeat of ${site}/${device} came to the broker within ${waitMs / 1000} s: look at "journalctl -u earshot" on the board.`,
            ),
          ),
        waitMs,
      );
      const hear = (topic: string, payload: Uint8Array) => {
        const decoded = decode(topic, payload);
        if (decoded?.kind === 'health' && Date.now() - Date.parse(decoded.message.time) < FRESH_MS)
          resolve(decoded.message);
      };
      link.subscribe([filterOf('health', site, device)], hear).catch(reject);
    });
  } finally {
    clearTimeout(timer);
  }
}
