import { sourcePosition } from '../../../change/position.ts';
import { parseSnapshot } from '../setup/visibility.ts';

/**
 * Bytes of WAL behind the present within which a transaction may be committed and not visible yet.
 * Ids have 32 bits in the WAL: comparing those of older transactions with the snapshot could take
 * one from before a wrap-around for one that is still to come. 2^31 transactions write more WAL.
 */
export const RECENT_BYTES = 2n ** 34n;

/** Decides which transactions of the log a snapshot shows. */
export class SnapshotTransactions {
  readonly #visible: (id: string) => boolean;
  readonly #inProgress: ReadonlySet<string>;
  readonly #recent: string;

  /**
   * @param text as `pg_current_snapshot()` prints it.
   * @param position the database's position before the snapshot was taken.
   */
  constructor(text: string, position: string) {
    const snapshot = parseSnapshot(text);
    this.#visible = (id) => snapshot.visible(id);
    this.#inProgress = new Set(snapshot.inProgress);
    const recent = BigInt(`0x${position}`) - RECENT_BYTES;
    this.#recent = (recent < 0n ? 0n : recent).toString(16).toUpperCase().padStart(16, '0');
  }

  includes({ id, position }: { readonly id: string; readonly position: string }): boolean {
    return sourcePosition(position) < this.#recent ? !this.#inProgress.has(id) : this.#visible(id);
  }
}
