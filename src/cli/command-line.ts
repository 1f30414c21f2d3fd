import { shellWord } from '../errors/shell-word.ts';
import type { ParsedOptions } from './command.ts';
import type { Io } from './io.ts';

/** Which log a command looked into. What it suggests has to look into the same one. */
const WHERE = { config: '--config', dataDir: '--data-dir', source: '--source' } as const;

/**
 * A command to type next, as a POSIX shell reads it: begun the way this one was, on the same
 * configuration, data directory and source, so that it can be copied.
 * @param words the subcommand with its arguments; they are quoted where a shell needs it.
 */
export function commandLine(
  words: readonly string[],
  options: ParsedOptions,
  { env }: Pick<Io, 'env'>,
): string {
  const all = [...words, ...optionWords(options, WHERE)].map(shellWord);
  return [programName(env), ...all].join(' ');
}

/** Options that were given, as words again; those given several times several times. */
export function optionWords(
  options: ParsedOptions,
  flags: Readonly<Record<string, string>>,
): readonly string[] {
  return Object.entries(flags).flatMap(([name, flag]) => {
    const value = options[name];
    const values = Array.isArray(value) ? (value as unknown[]) : [value];
    return values.flatMap((each) =>
      typeof each === 'string' || typeof each === 'number' ? [flag, String(each)] : [],
    );
  });
}

/** npm tells its child how it was called. Who typed `npx tidings` may have no `tidings` on the path. */
function programName(env: Io['env']): string {
  return env['npm_command'] === 'exec' && env['npm_lifecycle_event'] === 'npx'
    ? 'npx tidings'
    : 'tidings';
}
