// One line of NVIDIA's tegrastats as figures. What the line does not say is null: an absent load is unknown, not zero.

/** Figures of a core or of a clock domain; offline units have neither. */
export interface Load {
  /** 0..1 */
  readonly load: number | null;
  readonly hertz: number | null;
}

export interface Tegrastats {
  readonly memory: { readonly usedBytes: number; readonly totalBytes: number } | null;
  readonly swap: { readonly usedBytes: number; readonly totalBytes: number } | null;
  /** null: the core is off. */
  readonly cores: readonly (Load | null)[];
  readonly gpu: Load;
  readonly memoryController: Load;
  /** Thermal zone to degrees Celsius, null where the zone is offline; names in lower case. */
  readonly celsius: Readonly<Record<string, number | null>>;
  /** Rail to watts now, names as the board has them. */
  readonly watts: Readonly<Record<string, number>>;
}

const UNKNOWN: Load = { load: null, hertz: null };
const MIB = 2 ** 20;
/** What the kernel reports for a zone whose sensor is powered off. */
const OFFLINE_CELSIUS = -256;

/**
 * Reads a line in any of the forms of L4T R32 to R39: with and without time, root's clocks, units, peaks. Tokens it does not
 * know are skipped, so that a newer release costs its new figures and nothing else.
 */
export function parseTegrastats(line: string): Tegrastats {
  const cores = /\bCPU \[([^\]]*)\](?:@(\d+))?/.exec(line);
  return {
    memory: memory(/\bRAM (\d+)\/(\d+)MB/.exec(line)),
    swap: memory(/\bSWAP (\d+)\/(\d+)MB/.exec(line)),
    cores: cores ? cores[1]!.split(',').map((core) => coreLoad(core.trim(), cores[2])) : [],
    gpu: clock(line, 'GR3D_FREQ'),
    memoryController: clock(line, 'EMC_FREQ'),
    celsius: Object.fromEntries([...zones(line)]),
    watts: Object.fromEntries([...rails(line)]),
  };
}

function memory(match: RegExpExecArray | null) {
  return match && { usedBytes: Number(match[1]) * MIB, totalBytes: Number(match[2]) * MIB };
}

/** '90%@2201', '90%' (the clock then stands once behind the list) or 'off'. */
function coreLoad(core: string, sharedMegahertz: string | undefined): Load | null {
  const match = /^(\d+)%(?:@(\d+))?$/.exec(core);
  if (!match) return null;
  const megahertz = match[2] ?? sharedMegahertz;
  return { load: Number(match[1]) / 100, hertz: megahertz === undefined ? null : Number(megahertz) * 1e6 };
}

/** '14%@[407,407]', '0%@114', '0%', '@[314,314,314]' (no load) or 'off'; of several clocks the fastest counts. */
function clock(line: string, name: string): Load {
  const match = new RegExp(`(?:^|\\s)${name} (?:(\\d+)%)?(?:@\\[?([\\d,]+)\\]?)?(?=\\s|$)`).exec(line);
  if (!match) return UNKNOWN;
  const [, percent, clocks] = match;
  const megahertz = clocks?.split(',').filter(Boolean).map(Number) ?? [];
  return {
    load: percent === undefined ? null : Number(percent) / 100,
    hertz: megahertz.length > 0 ? Math.max(...megahertz) * 1e6 : null,
  };
}

/** PMIC is a constant 100 on every board: no sensor. */
function* zones(line: string): Generator<[string, number | null]> {
  for (const [, name, celsius] of line.matchAll(/(?:^|\s)(\w+)@(-?\d+(?:\.\d+)?)C(?:\/-?[\d.]+C)?(?=\s|$)/g)) {
    const value = Number(celsius);
    if (name !== 'PMIC') yield [name!.toLowerCase(), value <= OFFLINE_CELSIUS ? null : value];
  }
}

/** 'VDD_IN 3528/3569' (R32), '4556mW/4556mW' (R34), '5139mW/5139mW/5139mW' (R39): now, average, peak. NC is not connected. */
function* rails(line: string): Generator<[string, number]> {
  for (const [, name, milliwatts] of line.matchAll(/(?:^|\s)([A-Z]\w*) (\d+)(?:mW)?(?:\/\d+(?:mW)?){1,2}(?=\s|$)/g)) {
    if (name !== 'NC') yield [name!, Number(milliwatts) / 1000];
  }
}
