// What a hub does by itself, beside storing: publishes wishes, makes rollouts step, raises alarms, calls webhooks. One hub of several.
import { type AlarmNews, AlarmWatch } from './alarm-watch.ts';
import type { Database } from './database.ts';
import { DesiredPublisher, type OperatorLink } from './desired-publisher.ts';
import { giveLease, holdLease } from './lease.ts';
import { type RolloutNews, stepRollouts } from './rollout-runner.ts';
import { WebhookSender } from './webhook-sender.ts';

const LEASE = 'duties';
/** A hub that died is replaced after so long. */
const LEASE_SECONDS = 10;
const TURN_MS = 1000;
const ALARM_TURNS = 5;

export interface DutiesOptions {
  readonly database: Database;
  readonly link: OperatorLink;
  /** Does the hub hear its devices now? While it does not, their silence means nothing. */
  readonly isHearing: () => boolean;
  /** Of this hub and this start: two hubs never have the same. */
  readonly holder: string;
  readonly nowMs?: () => number;
  /** Between two turns; default 1 s. */
  readonly turnMs?: number;
  readonly onTrouble: (error: Error) => void;
  readonly onRollout?: (news: RolloutNews) => void;
  readonly onAlarm?: (news: AlarmNews) => void;
}

export class Duties {
  readonly #options: DutiesOptions;
  readonly #publisher: DesiredPublisher;
  readonly #alarms: AlarmWatch;
  readonly #sender: WebhookSender;
  #sending: Promise<void> | undefined;
  #turns = 0;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> | undefined;
  #isOurTurn = false;

  constructor(options: DutiesOptions) {
    this.#options = options;
    const { database, link, nowMs = Date.now, onAlarm } = options;
    this.#publisher = new DesiredPublisher(database, link);
    this.#alarms = new AlarmWatch({ database, nowMs, onAlarm });
    this.#sender = new WebhookSender({ database, nowMs });
  }

  /** Is this the hub that does them? */
  get isOurTurn(): boolean {
    return this.#isOurTurn;
  }

  /** @throws an error named UserError when the broker does not let the hub hear wishes */
  async start(): Promise<void> {
    await this.#publisher.start();
    this.#timer = setInterval(() => this.hurry(), this.#options.turnMs ?? TURN_MS);
  }

  /** To be called when a connection to the broker begins, before it is subscribed. */
  connected(): void {
    this.#publisher.connected();
  }

  /** Begins a turn now, unless one is going on: somebody has ordered something. */
  hurry(): void {
    this.#turn ??= this.turn().finally(() => {
      this.#turn = undefined;
    });
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#sender.stop();
    await this.#turn;
    await this.#sending;
    if (this.#isOurTurn) await this.#tried(() => giveLease(this.#options.database, LEASE, this.#options.holder));
    this.#isOurTurn = false;
  }

  /** Does once what is due; what fails is told and tried again at the next turn. */
  async turn(): Promise<void> {
    const { database, holder, isHearing, nowMs = Date.now, onRollout } = this.#options;
    this.#isOurTurn = (await this.#tried(() => holdLease(database, LEASE, holder, LEASE_SECONDS))) ?? false;
    if (!this.#isOurTurn) return this.#alarms.forget();
    if (isHearing()) {
      const news = await this.#tried(() => stepRollouts(database, nowMs(), { name: LEASE, holder }));
      for (const each of news ?? []) onRollout?.(each);
    }
    await this.#tried(() => this.#publisher.work());
    if (this.#turns % ALARM_TURNS === 0) await this.#tried(() => this.#alarms.look(isHearing()));
    this.#turns += 1;
    // A receiver that does not answer must not hold up the rest.
    this.#sending ??= this.#tried(() => this.#sender.work()).then(() => {
      this.#sending = undefined;
    });
  }

  async #tried<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#options.onTrouble(error as Error);
      return undefined;
    }
  }
}
