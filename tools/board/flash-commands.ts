// The commands that flash boards, in order, with what each is for: NVIDIA's own, from the board's profile.
import type { Bsp } from './flash-bsp.ts';
import { usesInitrd } from './flash-host.ts';
import type { ToolCommand } from './flash-tool.ts';

export interface FlashStep {
  readonly kind: 'images' | 'flash' | 'reset';
  readonly title: string;
  readonly command: ToolCommand;
  /** Boards that it is for. */
  readonly instances: readonly string[];
  /** NVIDIA's tool writes the output about each board into a file of its own, whose name begins so, below the BSP. */
  readonly logs?: string;
}

export interface StepOptions {
  /** All boards at once, by NVIDIA's mass flashing. */
  readonly together: boolean;
  /** The images were made by an earlier run, for the same settings. */
  readonly hasImages: boolean;
}

/** Where the tool keeps a file per board when it flashes several at once. */
export const MASS_LOGS = 'initrdlog';

/** The steps that write these boards, at once or one after the other, and reset them. */
export function flashSteps(bsp: Bsp, instances: readonly string[], options: StepOptions): FlashStep[] {
  const steps =
    options.together && instances.length > 1
      ? together(bsp, instances, options)
      : instances.flatMap((each, i) => alone(bsp, each, options.hasImages || i > 0));
  return [...steps, ...instances.flatMap((instance) => resetStep(bsp, instance))];
}

/** One board by one command. Images that are there are taken: --flash-only for the initrd tool, -r for flash.sh. */
function alone(bsp: Bsp, instance: string, hasImages: boolean): FlashStep[] {
  const { way, configuration } = bsp;
  const place = ['--usb-instance', instance];
  const last = [configuration, way.rootDevice];
  const args = usesInitrd(bsp)
    ? [...place, ...(hasImages ? ['--flash-only'] : []), ...way.arguments, ...last]
    : [...place, ...(hasImages ? ['-r'] : []), ...way.arguments, ...last];
  return [step('flash', `flash the board at ${instance}`, bsp, args, [instance])];
}

/** The images with the first board (the tool reads its memory), then all boards that are in recovery mode. */
function together(bsp: Bsp, instances: readonly string[], { hasImages }: StepOptions): FlashStep[] {
  const { way, configuration } = bsp;
  const mass = ['--massflash', String(instances.length)];
  const [first] = instances;
  const last = [configuration, way.rootDevice];
  const quiet = way.arguments.filter((each) => each !== '--showlogs'); // it would open a terminal window per board
  const images = step(
    'images',
    'make the images',
    bsp,
    ['--usb-instance', first!, '--no-flash', ...mass, ...quiet, ...last],
    [first!],
  );
  const network = quiet.includes('--network') ? ['--network', 'usb0'] : [];
  const flash = step(
    'flash',
    `flash ${instances.length} boards at once`,
    bsp,
    ['--flash-only', ...mass, ...network],
    instances,
  );
  return [...(hasImages ? [] : [images]), { ...flash, logs: `${MASS_LOGS}/flash_` }];
}

/** Some boards wait in recovery mode after flashing until they are reset. */
function resetStep({ way, folder }: Bsp, instance: string): FlashStep[] {
  if (!way.reset) return [];
  const [program, ...args] = way.reset;
  return [
    {
      kind: 'reset',
      title: `reset the board at ${instance}`,
      command: { program: program!, arguments: args, folder },
      instances: [instance],
    },
  ];
}

function step(
  kind: FlashStep['kind'],
  title: string,
  bsp: Bsp,
  args: readonly string[],
  instances: readonly string[],
): FlashStep {
  return { kind, title, command: { program: bsp.way.program, arguments: args, folder: bsp.folder }, instances };
}
