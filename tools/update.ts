// earshot update: what a device does with new releases, by hand and for the service.
import { Command } from 'commander';
import { installCommand } from './update-install.ts';
import { proveCommand } from './update-prove.ts';
import { confirmCommand, rollbackCommand, statusCommand, trustCommand } from './update-slots.ts';

export function updateCommand(): Command {
  const update = new Command('update').description('new releases on this device');
  update.addCommand(installCommand());
  update.addCommand(statusCommand());
  update.addCommand(confirmCommand());
  update.addCommand(rollbackCommand());
  update.addCommand(trustCommand());
  update.addCommand(proveCommand());
  return update;
}
