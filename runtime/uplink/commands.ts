// Commands that come over MQTT: only those on the list, none that is too old, none twice, and each is answered.
import type { CommandMessage, ResponseMessage } from './topics.ts';

/** Answers kept, so that a command that comes twice is done once and answered twice. */
const KEPT_ANSWERS = 1000;

/** Does what a command says. What it throws is told to the sender: a RangeError or TypeError as refused, others as failed. */
export type CommandHandler = (
  given: Readonly<Record<string, unknown>>,
) => Record<string, unknown> | Promise<Record<string, unknown>>;

export type Answer = Pick<ResponseMessage, 'id' | 'name' | 'status' | 'error' | 'result'>;

export interface CommandDeskOptions {
  readonly handlers: Readonly<Record<string, CommandHandler>>;
  readonly answer: (answer: Answer) => void;
  /** Whether the system clock is right; while it is known to be wrong no command is too old. */
  readonly isClockWrong: () => boolean;
}

/** Takes commands and answers them. */
export class CommandDesk {
  readonly #options: CommandDeskOptions;
  readonly #answers = new Map<string, Promise<Answer>>();

  constructor(options: CommandDeskOptions) {
    this.#options = options;
  }

  async take(command: CommandMessage): Promise<void> {
    const known = this.#answers.get(command.id);
    const answer = known ?? this.#do(command);
    if (!known) this.#remember(command.id, answer);
    this.#options.answer(await answer);
  }

  async #do({ id, name, arguments: given, expiresAt }: CommandMessage): Promise<Answer> {
    const { handlers, isClockWrong } = this.#options;
    const refused = (error: string): Answer => ({ id, name, status: 'refused', error, result: {} });
    if (!Object.hasOwn(handlers, name)) {
      return refused(`there is no command ${name}; there are: ${Object.keys(handlers).join(', ')}`);
    }
    if (Date.parse(expiresAt) < Date.now() && !isClockWrong()) return refused(`the command expired at ${expiresAt}`);
    try {
      return { id, name, status: 'ok', error: null, result: await handlers[name]!(given) };
    } catch (error) {
      const { message } = error as Error;
      if (error instanceof RangeError || error instanceof TypeError) return refused(message);
      return { id, name, status: 'failed', error: message, result: {} };
    }
  }

  #remember(id: string, answer: Promise<Answer>): void {
    this.#answers.set(id, answer);
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= KEPT_ANSWERS) return;
      this.#answers.delete(oldest);
    }
  }
}
