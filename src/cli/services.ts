import type { Inspection } from '../app/inspection/inspection.ts';
import type { Looking } from '../app/looking/looking.ts';
import type { Tidings } from '../app/tidings.ts';
import type { UndoService } from '../app/undo.ts';
import type { Config } from '../config/define-config.ts';
import type { LoadedConfig, LoadOptions } from '../config/load-config.ts';
import type { Logger } from '../observe/logger.ts';

/** What `start` tells the application besides its configuration. */
export interface StartOptions {
  readonly logger: Logger;
  /** Sources whose lost changes the operator gives up. */
  readonly acceptGaps: readonly string[];
  /** Sources whose history may have gone back. */
  readonly acceptRewinds: readonly string[];
  /** Sources whose server was upgraded in place. */
  readonly upgraded: readonly string[];
}

/** What commands use of the application; tests put their own in place. */
export interface Services {
  loadConfig(options: LoadOptions): Promise<LoadedConfig>;
  openInspection(config: Config): Promise<Inspection>;
  openLooking(config: Config): Promise<Looking>;
  openUndo(config: Config): Promise<UndoService>;
  createTidings(config: Config, options: StartOptions): Promise<Tidings>;
  /** Brings up the PostgreSQL that is used when no database is configured. */
  startEmbedded(options: EmbeddedOptions): Promise<AsyncDisposable & { readonly url: string }>;
  /** Removes that PostgreSQL, which must not run. */
  removeEmbedded(directory: string): Promise<void>;
}

export interface EmbeddedOptions {
  readonly directory: string;
  readonly onProgress: (stage: string) => void;
  readonly signal: AbortSignal;
}

/** The application, loaded by the commands that need it: `--help` and `--version` stay quick. */
export const SERVICES: Services = {
  loadConfig: async (options) => (await import('../config/load-config.ts')).loadConfig(options),
  openInspection: async (config) =>
    (await import('../app/inspection/inspect.ts')).openInspection(config),
  openUndo: async (config) => (await import('../app/undo.ts')).openUndo(config),
  openLooking: async (config) =>
    (await import('../app/looking/open-looking.ts')).openLooking(config),
  createTidings: async (config, options) =>
    (await import('../server/create-tidings.ts')).createTidings(config, options),
  startEmbedded: async (options) =>
    (await import('../embedded/embedded-postgres.ts')).startEmbeddedPostgres(options),
  removeEmbedded: async (directory) =>
    (await import('../embedded/embedded-postgres.ts')).removeEmbeddedPostgres(directory),
};
