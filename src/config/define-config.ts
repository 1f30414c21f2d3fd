import type { z } from 'zod';
import type { configSchema } from './schema.ts';
import type { DeliveryConfig } from './subscription-schema.ts';

export type { DeliveryConfig } from './subscription-schema.ts';

type DeepReadonly<Value> = Value extends Date | ((...parameters: never) => unknown)
  ? Value
  : Value extends readonly (infer Entry)[]
    ? readonly DeepReadonly<Entry>[]
    : Value extends object
      ? { readonly [Key in keyof Value]: DeepReadonly<Value[Key]> }
      : Value;

/** The same without `undefined` as a value: what is left out is not there. */
type Filled<Value> = Value extends Date | readonly unknown[]
  ? Value
  : Value extends object
    ? { readonly [Key in keyof Value]: Filled<Exclude<Value[Key], undefined>> }
    : Value;

/** A configuration as one writes it. Every option: docs/reference/configuration.md. */
export type ConfigInput = DeepReadonly<z.input<typeof configSchema>>;

type Parsed = Filled<DeepReadonly<z.output<typeof configSchema>>>;

/** One source with every option filled in. */
export type SourceConfig = Parsed['sources'][string];

/** One subscription with every option filled in; paths are absolute. */
export type SubscriptionConfig = Omit<Parsed['subscriptions'][string], 'source' | 'delivery'> & {
  readonly source: string;
  readonly delivery: DeliveryConfig;
};

/** Where a subscription's changes go. */
export type EndpointConfig = SubscriptionConfig['to'];

/** The HTTP API. */
export type HttpConfig = NonNullable<Parsed['http']>;

/** The log's segments and retention; sizes in bytes, ages in milliseconds, null for no limit. */
export type LogConfig = Parsed['log'];

export type LogLevel = Parsed['logLevel'];

/**
 * A checked configuration with every default filled in: times in milliseconds, sizes in bytes, paths
 * absolute. It is also a valid {@link ConfigInput} that resolves to itself.
 */
export type Config = Omit<Parsed, 'subscriptions'> & {
  readonly subscriptions: { readonly [name: string]: SubscriptionConfig };
};

/**
 * Gives a configuration its type, for completion and checks in the editor; returns it as it is.
 *
 *     export default defineConfig({ sources: { main: { url: process.env.DATABASE_URL } } });
 */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}
