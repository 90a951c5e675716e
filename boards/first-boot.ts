// The questions of a first boot, by wizard: what stands on each page, and what is answered. Data: first-boot.json.
import { z } from 'zod';
import { type Board, boards, FIRST_BOOT_WIZARDS, jetpacks, readBoardFile } from './board.ts';

const title = z
  .string()
  .min(1)
  .transform((text) => new RegExp(text, 'i'))
  .describe('regular expression on the text of the screen, without line drawing; case does not matter');

const Page = z.strictObject({
  name: z.string().min(1),
  title,
  answer: z
    .enum(['enter', 'accept', 'user', 'password', 'hostname'])
    .describe('accept: as it is offered, Tab to the button; user, password, hostname: typed before it'),
});
export type WizardPage = z.infer<typeof Page>;

const FirstBoot = z.strictObject({
  format: z.literal('earshot-first-boot'),
  version: z.literal(1),
  sources: z.array(z.string().min(1)).min(1),
  wizards: z.array(z.strictObject({ name: z.enum(FIRST_BOOT_WIZARDS), pages: z.array(Page).min(1) })),
});

/**
 * Pages that a board may show; one that two wizards have comes once.
 * @param boardName family or module; undefined, or one without a JetPack: the pages of all wizards
 */
export function wizardPages(boardName?: string): WizardPage[] {
  const { wizards } = FirstBoot.parse(readBoardFile('first-boot.json'));
  const board = boards().find(
    ({ name, modules }) => name === boardName || modules.some((each) => each.name === boardName),
  );
  const wanted = board ? wizardsOf(board) : [];
  const pages = (wanted.length > 0 ? wanted : FIRST_BOOT_WIZARDS).flatMap(
    (wizard) => wizards.find(({ name }) => name === wizard)?.pages ?? [],
  );
  return [...new Map(pages.map((page) => [page.name, page])).values()];
}

function wizardsOf({ jetpacks: runs }: Board): string[] {
  const known = jetpacks().filter(({ jetpack }) => runs.includes(jetpack));
  return [...new Set(known.map(({ firstBoot }) => firstBoot).reverse())];
}
