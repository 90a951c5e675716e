// The service's part of an update: takes the wish from far, lets a process of its own fetch and install it, watches itself while the
// new release is on trial, and tells how far it is.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PACKAGE_ROOT } from '../worker-file.ts';
import { readSlots, releaseIn, type SlotState, type Trial } from './launcher.ts';
import type { Log } from './log.ts';
import { writeState } from './state-file.ts';
import { confirmRelease, failTrial, noteOutcome, type UpdateStage } from './update.ts';

const WATCH_MS = 1000;
/** The launcher ends a trial at its limit; a little earlier the service says itself what it misses. */
const OWN_LIMIT_SHARE = 0.9;
const [SILENT_SECONDS, STUCK_SECONDS] = [10, 60];
/** Between two tries to reach a server that is away: anywhere in this time, so that a fleet does not come all at once. */
const AGAIN_MS = 600_000;
/** Progress is told no more often. */
const REPORT_MS = 5000;
const SETTINGS_FILE = 'update-settings.json';

/** A release as config/desired wishes it. */
export interface WishedRelease {
  readonly name: string;
  readonly sequence: number;
  readonly sha256: string;
  readonly url: string;
}

export interface ReleaseReport {
  readonly name: string;
  readonly sequence: number;
  readonly state: 'idle' | UpdateStage | 'done' | 'failed' | 'rolled-back';
  readonly slot: string | null;
  readonly error?: string;
  readonly progress?: number;
}

/** Signs of life of the service. */
export interface Vitals {
  /** Sound that the network has heard. */
  readonly streamSeconds: number;
  readonly isOnline: boolean;
  readonly queued: number;
  readonly acknowledged: number;
  /** A fault that a new release must not have. */
  readonly fault: string | undefined;
}

export interface UpdaterOptions {
  /** Where the slots lie, as the launcher says; undefined: the device was not set up with slots. */
  readonly root: string | undefined;
  readonly version: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly stateFolder: string;
  readonly log: Log;
  /** Undefined while the service does not listen yet. */
  readonly vitals: () => Vitals | undefined;
  readonly onReport: () => void;
  /** The service is to end, so that the launcher starts what shall run now. */
  readonly onRestart: (reason: string) => void;
}

interface Going {
  readonly wish: WishedRelease;
  readonly stage: UpdateStage;
  readonly share: number;
  readonly error?: string;
}

export class Updater {
  readonly #options: UpdaterOptions;
  #going: Going | undefined;
  #refused: ReleaseReport | undefined;
  #wished: { release: WishedRelease; version: number } | undefined;
  #child: ReturnType<typeof spawn> | undefined;
  #again: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;
  #toldMs = 0;
  #isInstalling = false;
  #isStopping = false;

  constructor(options: UpdaterOptions) {
    this.#options = options;
  }

  get report(): ReleaseReport {
    const { root, version } = this.#options;
    if (this.#refused) return this.#refused;
    const state = root === undefined ? undefined : readSlots(root);
    const slot = state ? (state.trial ?? state.good).runtime : null;
    if (this.#going) {
      const { wish, stage, share, error } = this.#going;
      return { name: wish.name, sequence: wish.sequence, state: stage, slot, progress: share, ...(error && { error }) };
    }
    if (state?.trial) return { name: state.trial.name, sequence: state.trial.sequence, state: 'trial', slot };
    if (state?.last) {
      const { name, sequence, outcome, error } = state.last;
      return { name, sequence, state: outcome, slot, ...(error && { error }) };
    }
    const running = root !== undefined && slot !== null ? releaseIn(root, slot) : undefined;
    return { ...(running ?? { name: `earshot-${version}`, sequence: 0 }), state: 'idle', slot };
  }

  /** Begins to watch a release that is on trial. */
  start(): void {
    const { root } = this.#options;
    const trial = root === undefined ? null : readSlots(root).trial;
    if (trial) this.#watchTrial(root!, trial);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#watch);
    clearTimeout(this.#again);
    // What was fetched so far is kept, and gone on with after the next start.
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  /** @param release null: what runs stays; @param version of the wish: the same wish is not tried twice */
  wish(release: WishedRelease | null | undefined, version: number): void {
    this.#wished = release ? { release, version } : undefined;
    if (release) this.#consider();
  }

  #consider(): void {
    const { root, onReport } = this.#options;
    const wished = this.#wished;
    if (!wished || this.#isInstalling || this.#isStopping) return;
    const { name, sequence } = wished.release;
    if (root === undefined) {
      const error = 'this device was not set up with slots: provision it anew, or update it by hand';
      this.#refused = { name, sequence, state: 'failed', slot: null, error };
      onReport();
      return;
    }
    if (!isNew(readSlots(root), wished.release, wished.version)) return;
    clearTimeout(this.#again);
    this.#isInstalling = true;
    void this.#install(root, wished.release, wished.version);
  }

  /** In a process of its own, with the lowest priority: the sound goes first, and a fault there is none here. */
  async #install(root: string, wish: WishedRelease, version: number): Promise<void> {
    const { settings, stateFolder, vitals, log } = this.#options;
    const config = join(stateFolder, SETTINGS_FILE);
    this.#tell({ wish, stage: 'downloading', share: 0 });
    log.info('update-begun', `Release ${wish.name} (${wish.sequence}) is fetched.`);
    await writeState(config, settings);
    if (this.#isStopping) return;
    const args = [join(PACKAGE_ROOT, 'bin', 'earshot.js'), 'update', 'install', wish.url, '--json', '--root', root];
    args.push('--config', config, '--sha256', wish.sha256, '--name', wish.name, '--sequence', String(wish.sequence));
    args.push('--wish', String(version), ...(vitals()?.isOnline ? ['--needs-broker'] : []));
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child = child;
    let answer: Answer = { type: 'failed', code: 'ended', message: 'the installing process ended without a word' };
    for await (const line of createInterface({ input: child.stdout! })) {
      const said = answerIn(line);
      if (said?.type === 'stage') this.#tell({ wish, stage: said.stage, share: said.share });
      else if (said) answer = said;
    }
    this.#child = undefined;
    this.#isInstalling = false;
    if (!this.#isStopping) this.#ended(root, wish, version, answer);
  }

  #ended(root: string, wish: WishedRelease, version: number, answer: Exclude<Answer, { type: 'stage' }>): void {
    const { log, onReport, onRestart } = this.#options;
    this.#going = undefined;
    const { name, sequence } = wish;
    const note = (outcome: 'done' | 'failed', error: string | null) =>
      noteOutcome(root, { kind: 'runtime', name, sequence, slot: null, wish: version, outcome, error });
    if (answer.type === 'installed') {
      log.info('update-installed', `Release ${wish.name} (${wish.sequence}) is installed: ${answer.state}.`);
      if (answer.state === 'running') note('done', null);
      onReport();
      if (answer.state === 'trial') onRestart(`update to ${wish.name}`);
      return;
    }
    const { code, message } = answer;
    log.warn('update-failed', message);
    // A server or a network that is away comes back; all else does not change by asking again.
    if (code === 'network' || code === 'busy') {
      this.#tell({ wish, stage: 'downloading', share: 0, error: message });
      this.#again = setTimeout(() => this.#consider(), AGAIN_MS * (0.1 + 0.9 * Math.random()));
      return;
    }
    note('failed', message);
    onReport();
  }

  #watchTrial(root: string, trial: Trial): void {
    const { log, onReport, onRestart, vitals } = this.#options;
    const judge = new TrialJudge(trial);
    const startedMs = performance.now();
    const look = () => {
      const seconds = (performance.now() - startedMs) / 1000;
      const complaint = judge.look(vitals(), seconds);
      if (judge.healthySeconds >= trial.healthySeconds) {
        clearInterval(this.#watch);
        void confirmRelease(root).then(() => {
          log.info('update-kept', `Release ${trial.name} (${trial.sequence}) is kept.`);
          onReport();
          this.#consider();
        });
      } else if (complaint !== undefined && seconds > OWN_LIMIT_SHARE * trial.limitSeconds) {
        clearInterval(this.#watch);
        failTrial(root, complaint);
        log.warn('update-taken-back', `Release ${trial.name} (${trial.sequence}) is taken back: ${complaint}`);
        onRestart(`release ${trial.name} is taken back`);
      }
    };
    this.#watch = setInterval(look, WATCH_MS);
  }

  #tell(going: Going): void {
    const isNews = going.stage !== this.#going?.stage || going.error !== this.#going?.error;
    this.#going = going;
    const now = performance.now();
    if (!isNews && now - this.#toldMs < REPORT_MS) return;
    this.#toldMs = now;
    this.#options.onReport();
  }
}

/** Is there something to do for this wish? What was tried for it, kept or not, is not tried again. */
function isNew({ last, trial }: SlotState, { name, sequence }: WishedRelease, version: number): boolean {
  if (trial) return false; // asked again when the trial is over
  if (!last || last.name !== name || last.sequence !== sequence) return true;
  return last.outcome !== 'done' && last.wish !== version;
}

/** Whether the service is well, looked at once a second: healthySeconds counts without a break. */
export class TrialJudge {
  readonly #needsBroker: boolean;
  #healthySince: number | undefined;
  #now = 0;
  #heard = { streamSeconds: 0, at: 0 };
  #sent = { acknowledged: 0, at: 0 };

  constructor({ needsBroker }: Pick<Trial, 'needsBroker'>) {
    this.#needsBroker = needsBroker;
  }

  get healthySeconds(): number {
    return this.#healthySince === undefined ? 0 : this.#now - this.#healthySince;
  }

  /** @param seconds since the start. @returns what is wrong */
  look(vitals: Vitals | undefined, seconds: number): string | undefined {
    this.#now = seconds;
    const complaint = this.#complaint(vitals, seconds);
    if (complaint !== undefined) this.#healthySince = undefined;
    else this.#healthySince ??= seconds;
    return complaint;
  }

  #complaint(vitals: Vitals | undefined, seconds: number): string | undefined {
    if (!vitals) return 'it does not listen yet';
    const { streamSeconds, acknowledged, queued, isOnline, fault } = vitals;
    if (streamSeconds > this.#heard.streamSeconds) this.#heard = { streamSeconds, at: seconds };
    if (acknowledged > this.#sent.acknowledged || queued === 0) this.#sent = { acknowledged, at: seconds };
    if (fault !== undefined) return fault;
    if (streamSeconds === 0 || seconds - this.#heard.at > SILENT_SECONDS) return 'it has heard no sound lately';
    if (!this.#needsBroker) return undefined;
    if (!isOnline) return 'it does not reach the broker, which was reached before it';
    if (seconds - this.#sent.at > STUCK_SECONDS) return `${queued} messages wait and the broker takes none`;
    return undefined;
  }
}

type Answer =
  | { readonly type: 'stage'; readonly stage: UpdateStage; readonly share: number }
  | { readonly type: 'installed'; readonly state: 'trial' | 'running' | 'kept' }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };

/** A line of "earshot update install --json". */
function answerIn(line: string): Answer | undefined {
  try {
    const said = JSON.parse(line);
    return ['stage', 'installed', 'failed'].includes(said?.type) ? said : undefined;
  } catch {
    return undefined; // not of ours
  }
}
