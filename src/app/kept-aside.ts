import type { Config } from '../config/define-config.ts';
import type { KeptAside } from '../log/kept-aside.ts';
import { SqliteStateReader } from '../state/sqlite/sqlite-state-reader.ts';
import { statePath } from './adapters.ts';

/**
 * What the service of a data directory has kept aside, whether it runs or not. The state is opened
 * for each look: it is rarely asked, and may be made in between.
 */
export function keptAside(config: Pick<Config, 'dataDir'>): KeptAside {
  return {
    async keptRecord(source, offset) {
      await using state = SqliteStateReader.openExisting(statePath(config));
      return (await state?.keptRecord(source, offset)) ?? null;
    },
    async keptNotes(source, page) {
      await using state = SqliteStateReader.openExisting(statePath(config));
      return (await state?.keptNotes(source, page)) ?? [];
    },
  };
}
