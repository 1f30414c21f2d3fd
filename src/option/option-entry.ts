/** One option of the configuration, as plain data: `--help` needs no schema library. */
export interface OptionEntry {
  /** What it does, in a sentence or two. */
  readonly description: string;
  /** How its value is written, for the reference page. */
  readonly type: OptionType;
  /** As one would write it in a configuration file. Options without one are required or off. */
  readonly default?: string | number | boolean | null | readonly string[];
  /** Why this default, or what happens without the option. */
  readonly reason?: string;
  /** The environment variable that overrides it. */
  readonly env?: string;
  /** The flag that overrides it, in commander's notation. */
  readonly flag?: string;
  /** The least and the most that a number may be. */
  readonly limits?: readonly [least: number, most: number];
  /** True when the object that it is in cannot do without it. */
  readonly required?: boolean;
  /** True when null or 'none' switch it off. */
  readonly mayBeNone?: boolean;
  /** True when the value may hold a password: it is never printed. */
  readonly secret?: boolean;
}

export type OptionType =
  | 'path'
  | 'text'
  | 'URL'
  | 'boolean'
  | 'integer'
  | 'number'
  | 'duration'
  | 'size'
  | 'list of table patterns'
  | 'list of column names'
  | 'list of operations'
  | 'CEL expression'
  | 'name of a source'
  | 'place in the log'
  | 'level'
  | 'capture method'
  | 'object of headers'
  | 'secret, or list of secrets'
  | "PEM, or a file's path"
  | 'list of addresses'
  | 'list of origins'
  | 'list of rights';
