import type { VisibilitySnapshot } from '../../source.ts';
import type { CatalogLook, RelationUse } from './define-relation.ts';

interface RecentLook {
  readonly look: CatalogLook;
  readonly snapshot: VisibilitySnapshot;
  /** The use that it was taken for; null when it was taken in advance. */
  readonly use: Pick<RelationUse, 'transaction' | 'announced'> | null;
  readonly at: number;
}

/** Bounds memory; a look that was forgotten is taken again. */
const MAX_LOOKS = 5_000;
/**
 * How long a look counts; milliseconds. Ids of transactions have 32 bits: long before half of them are
 * used up it must be gone, because it would show a transaction that is yet to come.
 */
const MAX_AGE = 600_000;

/**
 * The last look at the catalogue for each relation. It holds for every transaction that it shows, not
 * only for the one that it was taken for: whoever changed the relation before that transaction is shown
 * too, because a change of a relation waits for those that use it, and they for it. A later look would
 * only know more of what came after (invariant 14).
 */
export class RecentLooks {
  readonly #looks = new Map<number, RecentLook>();

  add(oid: number, look: Omit<RecentLook, 'at'>): void {
    this.#looks.delete(oid);
    this.#looks.set(oid, { ...look, at: performance.now() });
    const [oldest] = this.#looks.keys();
    if (this.#looks.size > MAX_LOOKS && oldest !== undefined) this.#looks.delete(oldest);
  }

  /** A look that holds for this use; null when the catalogue has to be asked. */
  find({ message, transaction, announced }: RelationUse): CatalogLook | null {
    const found = this.#looks.get(message.oid);
    if (found === undefined || performance.now() - found.at > MAX_AGE) return null;
    const { use } = found;
    const isSameUse = use?.transaction === transaction && use.announced === announced;
    return isSameUse || found.snapshot.visible(String(transaction)) ? found.look : null;
  }
}
