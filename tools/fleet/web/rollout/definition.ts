// A rollout as the form has it, turned into what the hub takes.

export interface RolloutForm {
  readonly name: string;
  readonly note: string;
  /** Patterns of sites and devices, with commas between; empty: all. */
  readonly sites: string;
  readonly devices: string;
  /** JSON. */
  readonly change: string;
  /** Percent of the devices in each wave before the last, with commas between. */
  readonly waves: string;
  readonly approval: boolean;
}

export const EMPTY_FORM: RolloutForm = {
  ...{ name: '', note: '', sites: '', devices: '', waves: '5, 20', approval: true },
  change: '{\n  "settings": { "healthSeconds": 30 }\n}',
};

/** What the hub takes. @throws SyntaxError or RangeError with a sentence for the person */
export function definitionOf(form: RolloutForm): Record<string, unknown> {
  const shares = listOf(form.waves).map((text) => {
    const percent = Number(text);
    if (!(percent > 0 && percent < 100)) throw new RangeError(`Waves are percents between 0 and 100, not "${text}".`);
    return { percent };
  });
  const waves = [...shares, {}].map((wave, i) => ({ ...wave, ...(form.approval && i > 0 && { approval: true }) }));
  const patterns = { sites: listOf(form.sites), devices: listOf(form.devices) };
  const rule = Object.fromEntries(Object.entries(patterns).filter(([, list]) => list.length > 0));
  return { name: form.name, note: form.note, change: changeOf(form.change), target: { rule }, waves };
}

function changeOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new SyntaxError(`The change is no JSON: ${error.message}.`);
  }
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
