import type { Config } from '../config/define-config.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { shellWord } from '../errors/shell-word.ts';
import type { CommandLines, ParsedOptions } from './command-line.ts';
import { textOption } from './command.ts';

/** The command that removes what was made for a source that the configuration does not list. */
export function removal(source: string, commands: CommandLines): string {
  return commands.of('uninstall', '--source', source, '--url', 'URL');
}

/**
 * The configuration with the source alone that `--source` names, at `--url` when that is given; as it
 * is without them.
 * @throws TidingsError `USAGE`
 */
export async function asAsked(config: Config, options: ParsedOptions): Promise<Config> {
  const source = textOption(options, 'source');
  const url = textOption(options, 'url');
  if (source === undefined) {
    if (url === undefined) return config;
    throw refusal('--url is the address of the source that --source names.');
  }
  if (options['data'] === true) {
    throw refusal('The data directory is that of all sources: --data goes without --source.');
  }
  const configured = config.sources[source];
  if (configured === undefined && url === undefined) {
    throw refusal(`Source ${source} is not configured: say with --url where its database is.`);
  }
  const { resolveConfig } = await import('../config/resolve-config.ts');
  const asked = { ...configured, ...(url === undefined ? {} : { url }) };
  return resolveConfig({ ...config, sources: { [source]: asked }, subscriptions: {} });
}

/** What was asked for, in flags, but for an address, which may hold a password. */
export function flagsAsAsked(options: ParsedOptions): string {
  const source = textOption(options, 'source');
  const flags = [
    ...(source === undefined ? [] : ['--source', shellWord(source)]),
    ...(textOption(options, 'url') === undefined ? [] : ['--url', 'URL']),
    ...(options['data'] === true ? ['--data'] : []),
  ];
  return flags.map((flag) => ` ${flag}`).join('');
}

function refusal(problem: string): TidingsError {
  return new TidingsError('USAGE', { problem, command: 'tidings uninstall' });
}
