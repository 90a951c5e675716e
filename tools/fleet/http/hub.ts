// What every route has at hand: the database, the way to devices, what happens, the clock, and the book of who did what.
import type { Database } from '../database.ts';
import type { OperatorLink } from '../desired-publisher.ts';
import { type AuditWords, writeAudit } from './audit.ts';
import { Bus } from './bus.ts';
import { Commands } from './commands.ts';
import type { Figures } from './contract.ts';
import { LiveLeases } from './live-leases.ts';

/** What only the process that holds broker and collector knows. */
export type HubStatus = Pick<
  Figures,
  'broker' | 'isOnline' | 'fresh' | 'duplicates' | 'quarantined' | 'received' | 'reconnects' | 'lagSeconds'
>;

export interface HubOptions {
  readonly database: Database;
  readonly link: OperatorLink;
  readonly bus?: Bus;
  readonly status: () => HubStatus;
  /** Unix time in milliseconds. */
  readonly now?: () => number;
  /** Told after something was ordered, so that it is done at once. */
  readonly onOrder?: () => void;
  readonly onTrouble: (error: Error) => void;
}

export class Hub {
  readonly database: Database;
  readonly link: OperatorLink;
  readonly bus: Bus;
  readonly commands: Commands;
  readonly live: LiveLeases;
  readonly status: () => HubStatus;
  readonly now: () => number;
  /** To be called when something was ordered. */
  readonly hurry: () => void;
  readonly onTrouble: (error: Error) => void;

  constructor({ database, link, bus = new Bus(), status, now = Date.now, onOrder, onTrouble }: HubOptions) {
    this.database = database;
    this.link = link;
    this.bus = bus;
    this.status = status;
    this.now = now;
    this.hurry = onOrder ?? (() => {});
    this.onTrouble = onTrouble;
    this.commands = new Commands(link, bus, now);
    this.live = new LiveLeases(this.commands, onTrouble);
  }

  /** Begins to hear answers and pictures of devices. @throws an error named UserError when the broker does not allow it */
  start(): Promise<void> {
    return this.commands.start();
  }

  stop(): void {
    this.live.stop();
  }

  /** Writes down who did what. @returns the id of the entry. @throws DatabaseError */
  audit(words: AuditWords): Promise<number> {
    return writeAudit(this.database, words);
  }
}
