// Where commands order rollouts and wishes: at the hub over HTTP, or in its database while no hub runs.
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { z } from 'zod';
import type { Database } from './database.ts';
import { openExistingDatabase } from './database.ts';
import type { Change } from './desired.ts';
import { changeDesired, type DeviceKey, noteDevice, readAllDesired } from './desired-store.ts';
import { writeAudit } from './http/audit.ts';
import * as c from './http/contract-rollouts.ts';
import { connectHub, DEFAULT_HUB, type HubClient } from './hub-client.ts';
import { migrate } from './migrations.ts';
import { parseRollout } from './rollout-definition.ts';
import { type Order, obey, orderRollout } from './rollout-runner.ts';
import { findRollout } from './rollout-store.ts';
import { desiredView, rolloutDetails, rolloutPreview, rolloutSummaries, rolloutSummary } from './rollout-views.ts';

export type DesiredAnswer = c.DesiredList['desired'][number];

export interface RolloutDesk {
  /** Of these devices, or of all that are known. */
  desired(names?: readonly string[]): Promise<DesiredAnswer[]>;
  /** @throws an error named UserError when the version is another */
  change(key: DeviceKey, change: Change, expectedVersion: number): Promise<void>;
  note(key: DeviceKey, note: z.infer<typeof c.DeviceNote>): Promise<void>;
  list(): Promise<c.RolloutSummary[]>;
  show(which: string, query: z.infer<typeof c.RolloutQuery>): Promise<c.RolloutDetails>;
  preview(json: unknown): Promise<c.RolloutPreview>;
  create(json: unknown): Promise<c.RolloutSummary>;
  order(which: string, order: Order): Promise<c.RolloutSummary>;
  close(): Promise<void>;
}

export interface DeskOptions {
  readonly hub: string;
  readonly tokenFile?: string;
  readonly database?: string;
}

/** Adds the options that say where a command orders. */
export function withDeskOptions(command: Command): Command {
  return command
    .option('--hub <url>', 'the hub; its token comes from EARSHOT_TOKEN or --token-file', DEFAULT_HUB)
    .option('--token-file <file>', 'file with the token, readable by its owner alone')
    .option('--database <url>', 'no hub: the database itself, postgres://user@host/name or a folder no hub has open');
}

/** Opens what the options name, uses it, and closes it whatever happens. @throws UserError */
export async function atDesk<T>(options: DeskOptions, work: (desk: RolloutDesk) => Promise<T>): Promise<T> {
  const desk =
    options.database === undefined
      ? hubDesk(await connectHub({ url: options.hub, tokenFile: options.tokenFile }))
      : await databaseDesk(await openExistingDatabase(options.database));
  try {
    return await work(desk);
  } finally {
    await desk.close();
  }
}

const None = z.undefined();

export function hubDesk(hub: HubClient): RolloutDesk {
  const path = (...parts: string[]) => parts.map(encodeURIComponent).join('/');
  return {
    desired: async (names) => (await hub.get('desired', c.DesiredList, { devices: names?.join(',') })).desired,
    async change({ site, device }, change, expectedVersion) {
      const headers = { 'if-match': `"${expectedVersion}"` };
      await hub.send('PUT', path('devices', site, device, 'desired'), z.unknown(), change, headers);
    },
    async note({ site, device }, note) {
      await hub.send('PUT', path('devices', site, device, 'note'), None, note);
    },
    list: async () => (await hub.get('rollouts', c.Rollouts)).rollouts,
    show: (which, query) => hub.get(path('rollouts', which), c.RolloutDetails, query),
    preview: (json) => hub.send('POST', 'rollouts/preview', c.RolloutPreview, json),
    create: (json) => hub.send('POST', 'rollouts', c.RolloutSummary, json),
    order: (which, { order, ...more }) => hub.send('POST', path('rollouts', which, order), c.RolloutSummary, more),
    close: async () => {},
  };
}

/** What is ordered here waits in the database until a hub runs; it is in the audit under the name of the account. */
export async function databaseDesk(database: Database): Promise<RolloutDesk> {
  await migrate(database);
  const who = `${userInfo().username} (command)`;
  const noted = async <T>(what: string, about: string, details: Record<string, unknown>, work: () => Promise<T>) => {
    await writeAudit(database, { who, address: null, what, about, details });
    return work();
  };
  const summary = async (id: number) => rolloutSummary(database, await findRollout(database, id));
  const nameOf = ({ site, device }: DeviceKey) => `${site}/${device}`;
  return {
    desired: async (names) => (await readAllDesired(database, names?.map(keyOf))).map(desiredView),
    change: (key, change, expectedVersion) =>
      noted('change desired', nameOf(key), { ...change }, async () => {
        await changeDesired(database, key, change, { expectedVersion, who });
      }),
    note: (key, note) => noted('note device', nameOf(key), { ...note }, () => noteDevice(database, key, note)),
    list: () => rolloutSummaries(database),
    show: (which, query) => rolloutDetails(database, which, query),
    preview: (json) => rolloutPreview(database, parseRollout(json, 'rollout')),
    create: (json) =>
      noted('create rollout', String((json as { name?: unknown }).name), {}, async () =>
        summary((await orderRollout(database, json, who, Date.now())).id),
      ),
    order: (which, order) =>
      noted(`${order.order} rollout`, which, { ...order }, async () =>
        summary((await obey(database, which, order, who)).id),
      ),
    close: () => database.close(),
  };
}

export function keyOf(name: string): DeviceKey {
  const [site, device] = name.split('/');
  return { site: site!, device: device ?? '' };
}
