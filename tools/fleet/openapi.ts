// earshot fleet openapi: the hub's HTTP API as an OpenAPI 3.1 document, made from the schemas that check each request.
import { Command } from 'commander';
import { writeWhole } from '../write-whole.ts';
import { openApiText } from './http/openapi.ts';

export function fleetOpenapiCommand(): Command {
  return new Command('openapi')
    .summary("describe the hub's HTTP API as an OpenAPI 3.1 document")
    .option('--out <file>', 'write it there (default: print it)')
    .addHelpText('after', '\nExamples:\n  earshot fleet openapi\n  earshot fleet openapi --out openapi.json')
    .action(async ({ out }: { out?: string }) => {
      if (out === undefined) process.stdout.write(openApiText());
      else await writeWhole(out, openApiText());
    });
}
