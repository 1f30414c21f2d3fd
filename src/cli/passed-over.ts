import type { Change } from '../change/change.ts';
import { wireText } from '../change/wire.ts';
import { isTidingsError, type TidingsError } from '../errors/tidings-error.ts';
import type { CommandLines } from './command-line.ts';
import type { CommandContext } from './command.ts';
import type { Output } from './io.ts';
import { harmless } from '../util/harmless.ts';
import { painter } from './terminal/style.ts';

/**
 * Tells on standard error which changes a listing passes over because they are too large to be
 * shown: one of them must not hide those behind it.
 */
export class PassedOver {
  readonly #stderr: Output;
  readonly #commands: CommandLines;
  count = 0;

  constructor({ io, commands }: Pick<CommandContext, 'io' | 'commands'>) {
    this.#stderr = io.stderr;
    this.#commands = commands;
  }

  readonly tell = (error: TidingsError<'VALUE_TOO_LARGE'>): void => {
    const heading = painter(this.#stderr)('yellow', `passed over, ${error.code}:`);
    this.#stderr.write(`${heading} ${harmless(error.message)}\n`);
    if (this.count === 0) this.#stderr.write(`→ ${harmless(this.#commands.in(error.hint))}\n`);
    this.count += 1;
  };

  /**
   * Writes one change as CloudEvents on a line of its own.
   * @returns false when it is too large, and was passed over.
   */
  writeJson(change: Change, write: (text: string) => void): boolean {
    try {
      write(wireText(change));
    } catch (error) {
      if (!isTidingsError(error, 'VALUE_TOO_LARGE')) throw error;
      this.tell(error);
      return false;
    }
    // Not in one text with the change, which may have no room for one character more.
    write('\n');
    return true;
  }
}
