import { decodeImages, MARKER_OLD } from '../change/row-images.ts';
import type { LoggedTable, LogRecord } from '../log/log.ts';
import type { UndoWorkspace } from '../source/undo-target.ts';

/**
 * Finds old rows that the log has as whole and that may be no more than a key. Logs that were written
 * before partitions were captured as themselves took what a partition reported for what its table
 * would: the columns that a partition without full identity left out are null in them (invariant 14).
 */
export class KeyOnlyRows {
  readonly #workspace: UndoWorkspace;
  readonly #identities = new Map<LoggedTable, readonly ReadonlySet<string>[]>();

  constructor(workspace: UndoWorkspace) {
    this.#workspace = workspace;
  }

  async includes({ table, images }: LogRecord): Promise<boolean> {
    if (table.origin !== undefined || images[0] !== MARKER_OLD) return false;
    let identities = this.#identities.get(table);
    if (identities === undefined) {
      const found = await this.#workspace.identitiesOf(table);
      // One of all columns is the whole row.
      identities = found.filter((names) => table.columns.some(({ name }) => !names.has(name)));
      this.#identities.set(table, identities);
    }
    if (identities.length === 0) return false;
    const cells = decodeImages(images).before?.cells ?? [];
    const given = table.columns.filter((_, index) => cells[index] !== null);
    return identities.some((names) => given.every(({ name }) => names.has(name)));
  }
}
