// earshot doctor: can this machine run, build and train, and does this device hear and reach its broker? One line for each thing.
import { Command } from 'commander';
import { type Config, readConfig } from '../runtime/config.ts';
import { printJson } from './command.ts';
import { brokerChecks } from './doctor-broker.ts';
import { type Check, examineAll, type NamedFinding } from './doctor-checks.ts';
import { deviceChecks } from './doctor-device.ts';
import { MACHINE_CHECKS } from './doctor-machine.ts';
import { writeReport } from './doctor-report.ts';

interface DoctorOptions {
  readonly json?: boolean;
  readonly config?: string;
  readonly report?: string;
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .summary('check what this machine can do, with the way out where it cannot')
    .description(
      'Looks at the machine; with the settings of a device also at its microphone and, step by step, at its way to the broker:\n' +
        'name, port, certificate, MQTT, a message. What leans on a failed step is skipped.',
    )
    .option('--config <file>', 'settings of the device, JSON')
    .option('--report <file>', 'also write a support bundle (.tar.gz) that holds no secret')
    .option('--json', 'print one JSON object per check')
    .addHelpText(
      'after',
      '\nExamples:\n  earshot doctor\n  earshot doctor --config device.json --report support.tar.gz\n' +
        '  earshot doctor --json | jq \'select(.verdict != "ok")\'',
    )
    .action(doctor);
}

async function doctor({ json = false, config: file, report }: DoctorOptions): Promise<void> {
  const findings: NamedFinding[] = [];
  let config: Config | undefined;
  const settings: Check = {
    name: 'settings',
    missing: 'fail',
    wayOut: 'mend the file; docs name every setting',
    look: async () => {
      config = await readConfig(file!);
      return `${file}: ${config.site}/${config.device}`;
    },
  };
  const tell = async (checks: readonly Check[]) => {
    for await (const finding of examineAll(checks)) {
      findings.push(finding);
      if (json) printJson(finding);
      else process.stdout.write(line(finding));
      if (finding.verdict === 'fail') process.exitCode = 1;
    }
  };
  await tell(MACHINE_CHECKS);
  if (file !== undefined) await tell([settings]);
  if (config) await tell([...deviceChecks(config), ...brokerChecks(config)]);
  if (report === undefined) return;
  const entries = await writeReport(report, { findings, configFile: file, stateFolder: config?.stateFolder });
  if (json) printJson({ report, entries });
  else process.stdout.write(`\n${report} holds: ${entries.join(', ')}\n`);
}

function line({ check, verdict, found, wayOut }: NamedFinding): string {
  const rest = wayOut ? `\n${' '.repeat(30)}${wayOut}` : '';
  return `${verdict.padEnd(9)}${check.padEnd(21)}${found}${rest}\n`;
}
