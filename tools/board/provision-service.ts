// What makes a board a listening device: the service with its user, its settings, its own key and certificate, and a look at all of it.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../../runtime/config.ts';
import { PACKAGE_ROOT } from '../../runtime/worker-file.ts';
import { UserError } from '../command.ts';
import { type BoardFile, lookAtFiles, putFiles } from './provision-files.ts';
import { AS_SERVICE, EARSHOT } from './provision-places.ts';
import { nameOf, PLACES, type Plan } from './provision-plan.ts';
import { notSo, type Step, so } from './provision-step.ts';
import { holds, must, quoted, type Shell } from './shell.ts';

const DAY_MS = 86_400_000;
/** A certificate that ends sooner is asked for again. */
const LEAST_DAYS = 60;
const DOCTOR_MS = 600_000;
/** What was changed below it takes effect at its next start, which a later step sees to. */
const STOP = 'systemctl stop earshot 2>/dev/null || true';
/** As TimeoutStartSec of the unit: a first start may build an engine. */
const START_MS = 1_800_000;

/** The fleet's authority. */
export interface Authority {
  /** The certificate that vouches for all; PEM. */
  readonly root: string;
  /** @param request PEM. @returns the certificate with its chain; PEM */
  readonly sign: (plan: Plan, request: string) => Promise<{ readonly chain: string }>;
}

/** User, unit, and the rule that keeps USB microphones awake. */
export function serviceFilesStep(shell: Shell): Step {
  const file = (name: string, path: string, folder = 'runtime/device/systemd'): BoardFile => ({
    ...{ path, mode: '644' },
    content: readFileSync(join(PACKAGE_ROOT, folder, name), 'utf8'),
  });
  const files = [
    file('earshot.sysusers', PLACES.sysusers),
    file('earshot.service', PLACES.unit),
    file('71-earshot-microphone.rules', PLACES.udevRules),
    file('launcher.js', PLACES.launcher, 'dist/runtime/device'),
  ];
  return {
    name: 'service files',
    aim: 'user earshot, unit earshot.service, its launcher, udev rule for USB microphones',
    async look() {
      if (!(await holds(shell, 'id -u earshot'))) return notSo('no user earshot');
      if (!(await holds(shell, `[ "$(stat -c '%a %U' ${PLACES.state} 2>/dev/null)" = '700 earshot' ]`)))
        return notSo('no state folder');
      return lookAtFiles(shell, files);
    },
    async make() {
      await putFiles(shell, files);
      await must(
        shell,
        'making the user of the service',
        `systemd-sysusers && install -d -m 700 -o earshot -g earshot ${PLACES.state}
         systemctl daemon-reload; ${STOP}; udevadm control --reload 2>/dev/null || true`,
      );
    },
  };
}

/** The settings file as the board gets it. @throws ConfigError */
export function settingsOf(plan: Plan, hasCertificate: boolean): string {
  const tls = { ca: PLACES.authority, certificate: PLACES.certificate, key: PLACES.key };
  const given = plan.settings.tls as object | undefined;
  const settings = {
    ...plan.settings,
    ...{ site: plan.site, device: plan.device },
    ...(hasCertificate && { tls: { ...given, ...tls } }),
  };
  parseConfig(settings, `settings of ${nameOf(plan)}`);
  return `${JSON.stringify(settings, null, 2)}\n`;
}

export function settingsStep(shell: Shell, content: string): Step {
  const files = [{ path: PLACES.settings, content, mode: '640', owner: 'root:earshot' }];
  return {
    name: 'settings',
    aim: PLACES.settings,
    look: () => lookAtFiles(shell, files),
    async make() {
      await putFiles(shell, files);
      await must(shell, 'stopping the service', STOP);
    },
  };
}

/** A key that is made on the board and never leaves it; the fleet's authority signs for it. */
export function certificateStep(shell: Shell, plan: Plan, authority: Authority, now: () => number = Date.now): Step {
  const name = nameOf(plan);
  const root = { path: PLACES.authority, content: authority.root, mode: '600', owner: 'earshot:earshot' };
  return {
    name: 'certificate',
    aim: `of ${name}, for a key that is made on the board and stays there`,
    async look() {
      const script = `cat ${PLACES.certificate} 2>/dev/null; [ -s ${PLACES.key} ] || echo incomplete`;
      const pem = await must(shell, 'reading the certificate', script);
      if (!pem.includes('BEGIN CERTIFICATE') || pem.includes('incomplete')) return notSo('none');
      const certificate = new X509Certificate(pem);
      const days = Math.floor((Date.parse(certificate.validTo) - now()) / DAY_MS);
      if (!certificate.subject.split('\n').includes(`CN=${name}`)) return notSo(`that of ${certificate.subject}`);
      if (days < LEAST_DAYS) return notSo(`ends in ${days} days`);
      if (!(await lookAtFiles(shell, [root])).isSo) return notSo('that of another authority');
      return so(`serial ${certificate.serialNumber.toLowerCase()}, ${days} days left`);
    },
    async make() {
      await must(shell, 'making the folder of the key', `install -d -m 700 -o earshot -g earshot ${PLACES.identity}`);
      const request = await must(
        shell,
        'making key and request',
        `${AS_SERVICE} ${EARSHOT} enrol --request --config ${PLACES.settings}`,
        DOCTOR_MS,
      );
      const begin = request.indexOf('-----BEGIN');
      if (begin < 0) throw new UserError(`The board made no certificate request: ${request.slice(0, 200)}`);
      const { chain } = await authority.sign(plan, `${request.slice(begin)}\n`);
      await putFiles(shell, [root]);
      await must(shell, 'stopping the service', STOP);
      await must(
        shell,
        'storing the certificate',
        `${AS_SERVICE} ${EARSHOT} enrol --certificate - --config ${PLACES.settings} <<'END'\n${chain}\nEND`,
        DOCTOR_MS,
      );
    },
  };
}

/** earshot doctor on the board, as the service's user, before the service starts. What it finds wrong is for a person. */
export function doctorStep(shell: Shell): Step {
  let said: string | undefined;
  return {
    name: 'doctor',
    aim: 'earshot doctor finds nothing that fails',
    async look() {
      if (said !== undefined) return so(said);
      // It holds the microphone and its name at the broker, and says itself what it lacks.
      return (await holds(shell, 'systemctl is-active --quiet earshot'))
        ? so('the service runs')
        : notSo('not asked yet');
    },
    async make() {
      const script = `${AS_SERVICE} ${EARSHOT} doctor --json --config ${quoted(PLACES.settings)}`;
      const { output } = await shell.run(script, DOCTOR_MS);
      const findings = output.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
      if (findings.length === 0)
        throw new UserError(`earshot doctor did not run on the board: ${output.trim().slice(-300)}`);
      const failed = findings.filter(({ verdict }) => verdict === 'fail');
      if (failed.length > 0) {
        const told = failed.map(({ check, found, wayOut }) => `${check}: ${found}${wayOut ? ` (${wayOut})` : ''}`);
        throw new UserError(`earshot doctor says on the board: ${told.join('; ')}`);
      }
      said = `${findings.filter(({ verdict }) => verdict === 'ok').length} of ${findings.length} checks ok, none failed`;
    },
  };
}

export function startStep(shell: Shell): Step {
  const isUp = async () => {
    const state = await must(
      shell,
      'asking for the service',
      'systemctl show earshot -p ActiveState -p SubState -p UnitFileState --value',
    );
    return state.split('\n').join(' ');
  };
  return {
    name: 'service',
    aim: 'runs, and starts with the board',
    look: async () => {
      const state = await isUp();
      return state === 'active running enabled' ? so(state) : notSo(state);
    },
    async make() {
      const { code } = await shell.run('systemctl enable --quiet earshot && systemctl restart earshot', START_MS);
      if (code === 0) return;
      const log = await must(shell, 'reading the journal', 'journalctl -u earshot -n 5 -o cat --no-pager');
      throw new UserError(`The service does not start on the board: ${log.split('\n').slice(-5).join(' / ')}`);
    },
  };
}
