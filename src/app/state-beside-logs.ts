import { existsSync } from 'node:fs';
import type { Config } from '../config/define-config.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { acceptWithoutWal, missingFile } from '../state/sqlite/wal.ts';
import { logDirectory, statePath } from './adapters.ts';

/**
 * Checks, before the state is opened and made when it is not there, that beside logs it is, with all
 * that was written to it. Without it the subscriptions' places are lost: beginning anew at the head
 * would skip what they had not read, and trimming remove it, without a word (invariants 5 and 11).
 * @throws TidingsError `STATE_MISSING`
 */
export function checkStateBesideLogs(config: Config): void {
  const logged = Object.keys(config.sources).some((name) => existsSync(logDirectory(config, name)));
  const state = statePath(config);
  const path = logged ? missingFile(state) : null;
  if (path === null) return;
  const anew =
    'To begin anew with every subscription at its `from`, move the folder `log` away as well.';
  const older = `If it is lost, this goes on with the older places that ${state} has, and repeats the deliveries made since then: ${acceptWithoutWal(state)}`;
  throw new TidingsError('STATE_MISSING', { path, advice: path === state ? anew : older });
}
