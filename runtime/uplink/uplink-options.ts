// What the uplink is told, and how the settings of the device say it.
import type { Config } from '../config.ts';
import { type BrokerAccess, readBrokerAccess } from './broker-access.ts';
import type { CommandHandler } from './commands.ts';
import type { EventContext } from './event-message.ts';
import type { LiveSource } from './live-lease.ts';
import type { OutboxOptions } from './outbox-options.ts';
import type { ConfigDesiredMessage, LiveMessage, StateMessage } from './topics.ts';

export type Envelope = Pick<StateMessage, 'site' | 'device' | 'bootId'>;
/** A message without what the uplink adds. */
export type Fixed<M> = Omit<M, keyof Envelope | 'schema' | 'time'>;
/** What the maker of live pictures gives. */
export type LivePicture = Omit<Fixed<LiveMessage>, 'seq' | 'leaseSeconds'>;

/** The outbox and an unreadable command are told once, and not when it is over. */
export type ProblemCode = 'broker-lost' | 'broker-refuses' | 'outbox-failed' | 'command-unreadable';

export interface UplinkOptions extends EventContext {
  readonly url: string;
  readonly access?: BrokerAccess;
  readonly version: string;
  /** Keeps messages over restarts; then a broker that is away at the start is no error either. */
  readonly outbox?: OutboxOptions;
  /** Messages that the memory holds at most; default 10,000. */
  readonly queueLimit?: number;
  readonly cloudEvents?: boolean;
  readonly homeAssistant?: { readonly prefix: string };
  /** Commands that the device takes; live is added where there is a source for it. */
  readonly commands?: Readonly<Record<string, CommandHandler>>;
  readonly live?: LiveSource<LivePicture>;
  /** Hears the desired settings, or why they cannot be read. */
  readonly onDesired?: (desired: ConfigDesiredMessage | Error) => void;
  /** Told in one sentence what is wrong between us and the broker or the disk; null when it is over. */
  readonly onProblem?: (code: ProblemCode, problem: string | null) => void;
  /** Time until others hear that the connection broke, with MQTT 5; default 10. */
  readonly willDelaySeconds?: number;
}

/** The options that settings decide. @throws BrokerAccessError when a key or password cannot be taken */
export async function uplinkSettings(
  config: Config,
): Promise<Pick<UplinkOptions, 'access' | 'outbox' | 'cloudEvents' | 'homeAssistant'>> {
  const { outbox, cloudEvents, homeAssistant } = config;
  return {
    access: await readBrokerAccess(config),
    cloudEvents,
    ...(homeAssistant && { homeAssistant }),
    ...(outbox && {
      outbox: { folder: outbox.folder, maximumBytes: outbox.megabytes * 2 ** 20, maximumAgeHours: outbox.hours },
    }),
  };
}
