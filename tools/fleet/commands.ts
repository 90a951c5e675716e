// The commands of the group fleet, in the order in which its help lists them.
import type { Command } from 'commander';
import { fleetAclCommand } from './acl.ts';
import { fleetAlarmsCommand } from './alarms.ts';
import { fleetAsyncapiCommand } from './asyncapi.ts';
import { fleetBackupCommand } from './backup.ts';
import { fleetCaCommand } from './ca.ts';
import { fleetConfigCommand } from './config.ts';
import { fleetEventsCommand } from './events.ts';
import { fleetExportCommand } from './export.ts';
import { fleetGapsCommand } from './gaps.ts';
import { fleetLocateCommand } from './locate.ts';
import { fleetLsCommand } from './ls.ts';
import { fleetOpenapiCommand } from './openapi.ts';
import { fleetQuarantineCommand } from './quarantine-command.ts';
import { fleetReleaseCommand } from './release.ts';
import { fleetRestoreCommand } from './restore.ts';
import { fleetRolloutCommand } from './rollout.ts';
import { fleetServeCommand } from './serve.ts';
import { fleetShowCommand } from './show.ts';
import { fleetUserCommand } from './user.ts';
import { fleetWatchCommand } from './watch.ts';
import { fleetWebhooksCommand } from './webhooks.ts';

export function fleetCommands(): Command[] {
  return [
    fleetServeCommand(),
    fleetLsCommand(),
    fleetShowCommand(),
    fleetEventsCommand(),
    fleetWatchCommand(),
    fleetExportCommand(),
    fleetGapsCommand(),
    fleetQuarantineCommand(),
    fleetBackupCommand(),
    fleetRestoreCommand(),
    fleetConfigCommand(),
    fleetRolloutCommand(),
    fleetAlarmsCommand(),
    fleetWebhooksCommand(),
    fleetLocateCommand(),
    fleetAsyncapiCommand(),
    fleetOpenapiCommand(),
    fleetUserCommand(),
    fleetCaCommand(),
    fleetReleaseCommand(),
    fleetAclCommand(),
  ];
}
