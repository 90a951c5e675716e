// Reads the output of NVIDIA's flashing tools: how far they are, what went wrong, and whether they claim success.
import { type FlashFault, faultIn, rankOf } from './flash-faults.ts';

export const FLASH_STAGES = ['start', 'images', 'boot', 'connect', 'write', 'written', 'answer', 'done'] as const;
export type FlashStage = (typeof FLASH_STAGES)[number];

export const STAGE_NAMES: Record<FlashStage, string> = {
  start: 'waiting for the tool',
  images: 'making the images',
  boot: 'booting the flashing system',
  connect: 'connecting to the board',
  write: 'writing',
  written: 'written',
  answer: 'waiting for the board to boot',
  done: 'the board answers',
};

/** Lines that a stage begins with. Strings of l4t_initrd_flash_internal.sh (R36) and of flash.sh. */
const BEGINS: readonly (readonly [FlashStage, RegExp])[] = [
  ['images', /Generate flash packages|Making (system|boot)\.img|populating|Create flash environment|--no-flash/i],
  // Not "Sending bct": that is also how the module's memory is read, before there are images.
  ['boot', /Boot the device with flash initrd image|Waiting for target to boot-up|system\.img built successfully/i],
  ['connect', /Waiting for device to expose ssh/],
  ['write', /Start the flashing process|Writing partition|Writing \w+ (item|partition)|Start flashing device/],
];
const SUCCESS = /^\s*(Success|Flash is successful|Flash complete \(SUCCESS\))\s*$|has been flashed successfully/;
const PERCENT = /(?:^|\D)(\d{1,3}) ?%/;
const BOARD = /Board ID ?\((\w{4})\).*?sku ?\((\w{4})\)/i;
const PARSED_BOARD = /Parsing board ID \((\w{4})\) succeeded/;
const PARSED_SKU = /board SKU \((\w{4})\)/i;

export class FlashOutput {
  stage: FlashStage = 'start';
  /** Of the write stage, 0..100; null where the tool does not say. */
  percent: number | null = null;
  lastLine = '';
  /** The tool claims that it is done; that alone proves nothing. */
  claimsSuccess = false;
  /** Part number that the module's own memory tells, e.g. p3767-0005. */
  part: string | null = null;
  #fault: FlashFault | undefined;
  #boardId: string | undefined;

  /** The most telling error so far. */
  get fault(): FlashFault | undefined {
    return this.#fault;
  }

  /** @param line without its end; progress bars that draw over themselves count as lines */
  feed(line: string): void {
    const text = line.trim();
    if (text === '') return;
    this.lastLine = text;
    const begun = BEGINS.find(([, pattern]) => pattern.test(text))?.[0];
    if (begun && FLASH_STAGES.indexOf(begun) > FLASH_STAGES.indexOf(this.stage)) this.stage = begun;
    if (this.stage === 'write') this.percent = percentIn(text) ?? this.percent;
    // Making the images ends with "Success" as well.
    if (SUCCESS.test(text) && this.stage === 'write') this.claimsSuccess = true;
    this.#readPart(text);
    const fault = faultIn(text);
    if (fault) this.claimsSuccess = false;
    if (fault && (!this.#fault || rankOf(fault) < rankOf(this.#fault))) this.#fault = fault;
  }

  #readPart(text: string): void {
    const both = BOARD.exec(text);
    if (both) this.part = `p${both[1]}-${both[2]}`;
    this.#boardId = PARSED_BOARD.exec(text)?.[1] ?? this.#boardId;
    const sku = PARSED_SKU.exec(text)?.[1];
    if (sku && this.#boardId) this.part = `p${this.#boardId}-${sku}`;
  }
}

function percentIn(text: string): number | undefined {
  const value = Number(PERCENT.exec(text)?.[1] ?? Number.NaN);
  return value <= 100 ? value : undefined;
}
