// Boards by the names that users give: a module such as orin-nano-8gb, or a family such as orin-nano.
import { type Board, type BoardChoice, boardModules, boards } from '../boards/board.ts';
import { nearestName } from '../runtime/nearest-name.ts';
import { UserError } from './command.ts';

/** The family of that name, or of the module of that name. @throws UserError with the nearest name */
export function findFamily(wanted: string): Board {
  const families = boards();
  const found = families.find(({ name }) => name === wanted) ?? moduleNamed(wanted)?.board;
  if (found) return found;
  throw unknown(
    wanted,
    families.map(({ name }) => name),
  );
}

/** The module of that name, or the only one of the family. @throws UserError with the nearest name, or the names to choose from */
export function findModule(wanted: string): BoardChoice {
  const found = moduleNamed(wanted);
  if (found) return found;
  const family = boards().find(({ name }) => name === wanted);
  if (!family) {
    throw unknown(
      wanted,
      boardModules().map(({ module }) => module.name),
    );
  }
  const names = family.modules.map(({ name }) => name);
  if (names.length === 1) return { board: family, module: family.modules[0]! };
  throw new UserError(`"${wanted}" is a family of boards: name the module, ${names.join(' or ')}.`);
}

const moduleNamed = (wanted: string) => boardModules().find(({ module }) => module.name === wanted);

function unknown(wanted: string, names: readonly string[]): UserError {
  return new UserError(
    `There is no board "${wanted}", did you mean "${nearestName(wanted, names)}"? Known: ${names.join(', ')}.`,
  );
}
