import { existsSync } from 'node:fs';
import { knownHistory, rewoundError } from '../../capture/log-history.ts';
import type { Config } from '../../config/define-config.ts';
import { isTidingsError } from '../../errors/tidings-error.ts';
import { isSameDatabase } from '../../source/source-identity.ts';
import type { CheckResult } from '../../observe/check-result.ts';
import type { Source } from '../../source/source.ts';
import { SqliteStateReader } from '../../state/sqlite/sqlite-state-reader.ts';
import { logDirectory, openLogReader, statePath } from '../adapters.ts';

/** How long comparing may take: a server can wait for a standby; milliseconds. */
const PATIENCE = 15_000;

/**
 * What `doctor` says of a source's history: whether the log can go on with it (invariant 15). Nothing
 * when there is no log yet, or when the source cannot be asked: its own checks say why.
 */
export async function checkHistory(
  config: Config,
  source: Source,
  signal: AbortSignal,
): Promise<readonly CheckResult[]> {
  const { name: sourceName } = source;
  const name = 'history';
  if (!existsSync(logDirectory(config, sourceName))) return [];
  try {
    await using state = SqliteStateReader.openExisting(statePath(config));
    const expected = (await state?.sourceIdentity(sourceName)) ?? null;
    if (expected === null || !isSameDatabase(expected, await source.identify(signal))) return [];
    await using log = await openLogReader(config, sourceName);
    const known = knownHistory(log);
    if (known === null) return [];
    const soon = AbortSignal.timeout(PATIENCE);
    const { rewound, doubt, lost } = await source
      .continuation(known, AbortSignal.any([signal, soon]))
      .catch((error: unknown) => {
        signal.throwIfAborted();
        if (soon.aborted) return { rewound: null, doubt: null, lost: null };
        throw error;
      });
    if (soon.aborted) {
      const message = `The log could not be compared with the database within ${PATIENCE / 1000} s.`;
      return [{ name, status: 'warning', message }];
    }
    if (rewound === null && doubt !== null) {
      return [{ name, status: 'failed', message: doubt.message, fix: doubt.hint }];
    }
    if (rewound === null && lost !== null) {
      return [{ name, status: 'failed', message: lost.message, fix: lost.hint }];
    }
    if (rewound === null) {
      const message = 'The log goes on with the history that the database has.';
      return [{ name, status: 'ok', message }];
    }
    const { message, hint } = await rewoundError(sourceName, log, rewound);
    return [{ name, status: 'failed', message, fix: hint }];
  } catch (error) {
    signal.throwIfAborted();
    if (!isTidingsError(error)) throw error;
    return [];
  }
}
