import type { z } from 'zod';
import type { CheckResult } from '../observe/check-result.ts';
import type { MissingValue } from '../option/missing-value.ts';
import type { Sink } from './sink.ts';

/** What an endpoint is opened with, besides its own settings. */
export interface OpenContext {
  /** The subscription that it belongs to, for messages. */
  readonly subscription: string;
  /** How many attempts may be under way at once. */
  readonly maxConcurrency: number;
  /** Private addresses that may be reached all the same. */
  readonly allowAddresses: readonly string[];
  /** Says who is calling, as `name/version`. */
  readonly userAgent: string;
}

/** Something that is wrong or missing in an endpoint's settings. */
export interface SettingProblem {
  /** From `to` on. */
  readonly path: readonly string[];
  readonly problem: string;
}

/** One endpoint as it is configured. Nothing is open yet. */
export interface ConfiguredEndpoint {
  /** What of its settings does not go together. */
  problems(): readonly SettingProblem[];
  /** What it cannot do without and has not; paths from `to` on. */
  missing(): readonly MissingValue[];
  /**
   * The file that it writes, absolute: two endpoints must not have the same one. Null when it writes
   * none.
   */
  readonly file: string | null;
  /**
   * Why it may not be configured over HTTP; null when it may. Who may call the API need not own the
   * machine: its code and its files are not theirs.
   */
  refusedOverHttp(): string | null;
  /** What goes to everybody who may look: no secret in it. */
  shown(): unknown;
  /**
   * A new definition of `to` with the secrets of this one where it says nothing about them, because
   * nobody can read them to send them again.
   */
  keepSecrets(written: unknown): unknown;
  /** What `doctor` says of it, without opening it. @throws TidingsError when opening it would */
  check(subscription: string): Omit<CheckResult, 'name'>;
  /** Nothing connects yet. @throws TidingsError when it cannot be used as it is configured. */
  open(context: OpenContext): Promise<Sink>;
}

/** A kind of endpoint: what it is configured by, what is shown of it, and how one is opened. */
export interface SinkKind<
  Schema extends z.ZodType = z.ZodType,
  Shown extends z.ZodType = z.ZodType,
> {
  /** What stands behind its key under `to`. */
  readonly schema: Schema;
  /** What {@link ConfiguredEndpoint.shown} returns. */
  readonly shown: Shown;
  /** The same settings with absolute paths. */
  located(settings: z.output<Schema>, absolute: (path: string) => string): z.output<Schema>;
  configured(settings: z.output<Schema>): ConfiguredEndpoint;
  /** Where changes go, in a word; of an address only the origin, because the rest may hold a secret. */
  label(shown: z.output<Shown>): string;
  /** Where changes go, in full, as names and texts. */
  details(shown: z.output<Shown>): readonly (readonly [name: string, text: string])[];
}
