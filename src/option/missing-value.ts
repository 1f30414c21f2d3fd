import { TidingsError } from '../errors/tidings-error.ts';
import { pathText } from './path-text.ts';

/**
 * Who reads the configuration. Commands read `DATABASE_URL` and the file `.env` beside it; to a program
 * that uses the library nothing is known but what it passes.
 */
export type ConfigReader = 'command' | 'program';

const SET: Readonly<Record<ConfigReader, string>> = {
  command: 'set it, or write it into the file .env beside the configuration',
  program: 'set it before the configuration is made',
};

/** A value that somebody cannot do without, and that often comes from the environment. */
export interface MissingValue {
  readonly path: readonly string[];
  /** How the environment would set it. */
  readonly example: string;
}

/** The error for such a value. */
export function missingValue({ path, example }: MissingValue, reader: ConfigReader): TidingsError {
  const details = { key: pathText(path), example, how: SET[reader] };
  return new TidingsError('CONFIG_VALUE_MISSING', details);
}

/** A value that an endpoint lacks, told from the top of the configuration on. */
export function ofEndpoint(subscription: string, { path, example }: MissingValue): MissingValue {
  return { path: ['subscriptions', subscription, 'to', ...path], example };
}
