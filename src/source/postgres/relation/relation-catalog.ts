import type { TablePatterns } from '../../../change/table-pattern.ts';
import type { TableDefinition } from '../../../change/table.ts';
import { sleep } from '../../../util/sleep.ts';
import { announcementsRightsSql } from './announcements-table.ts';
import { type AnnouncementRow, announcementsSql, toAnnouncement } from './announcements.ts';
import {
  type CatalogLook,
  type DefinedRelation,
  defineRelation,
  findAnnounced,
  type RelationUse,
} from './define-relation.ts';
import { NO_TEXT } from '../connection/connection-error.ts';
import { publicationNames } from '../setup/publication.ts';
import { quoteLiteral } from '../quote.ts';
import { descriptionsSql, type RelationDescription, type Touched } from './relation-description.ts';
import { RecentLooks } from './recent-looks.ts';
import { lookAtSiblings, PartitionsInARow } from './sibling-looks.ts';
import type { CatalogQuery } from './relation-types.ts';
import { sqlState } from '../connection/source-error.ts';
import { parseSnapshot } from '../setup/visibility.ts';

export interface RelationCatalogOptions {
  readonly source: string;
  readonly patterns: TablePatterns;
  readonly query: CatalogQuery;
}

interface LookRow {
  readonly snapshot: string;
  readonly next: number;
  readonly kind: string | null;
  readonly description: RelationDescription | null;
  readonly touched: Touched | null;
  readonly published: number | null;
  readonly announces: boolean | null;
  /** True when commits may wait for us to confirm them. */
  readonly awaited: boolean;
}

/** How long to wait before a transaction is looked for again that is not visible yet; milliseconds. */
const PAUSES = [1, 2, 5, 10, 25, 50];
/**
 * How often where the server may count this connection among its synchronous standbys: the commit then
 * waits for us, and we must not wait for it. Some two seconds.
 */
const AWAITED_ATTEMPTS = 40;

/**
 * Completes Relation messages from the catalogue. One for all connections to a database: it
 * remembers what it saw, and what the log has.
 */
export class RelationCatalog {
  readonly #options: RelationCatalogOptions;
  readonly #statement: string;
  readonly #looks = new Map<
    number,
    { readonly description: RelationDescription; readonly next: number }
  >();
  readonly #recent = new RecentLooks();
  readonly #inARow = new PartitionsInARow();
  /** The last versions that the log has, by the oid of the relation. */
  readonly #versions = new Map<number, TableDefinition>();

  constructor(options: RelationCatalogOptions) {
    this.#options = options;
    this.#statement = lookSql(options);
  }

  /** Takes what the log knows of tables, oldest first. */
  remember(versions: readonly TableDefinition[]): void {
    for (const version of versions) {
      const { origin } = version;
      if (origin !== undefined)
        this.#versions.set(Number(origin.partition?.id ?? origin.id), version);
    }
  }

  /**
   * What a relation was when a transaction used it. The catalogue is asked when it shows the
   * transaction: before, it shows what was there before, and nothing of what the transaction made. It is
   * asked once, however often the server sends the relation again, and not for each connection anew.
   */
  async describe(use: RelationUse, signal: AbortSignal): Promise<DefinedRelation> {
    const { oid } = use.message;
    const look = this.#recent.find(use) ?? (await this.#look(use, signal).catch(withoutNames));
    const memory = { look: this.#looks.get(oid) ?? null, version: this.#versions.get(oid) ?? null };
    const defined = defineRelation(use, look, memory);
    if (look !== null && look.description !== null) {
      this.#looks.set(oid, { description: look.description, next: look.next });
    }
    this.#versions.set(oid, defined.definition);
    return defined;
  }

  /** Null on abort, and when the transaction waits for us to confirm it. */
  async #look(use: RelationUse, signal: AbortSignal): Promise<CatalogLook | null> {
    const { oid } = use.message;
    const statement = { name: 'tidings relation', text: this.#statement, values: [oid] };
    for (let attempt = 0; !signal.aborted; attempt++) {
      const [row] = (await this.#options.query(statement, signal)) as readonly LookRow[];
      if (row === undefined) throw new Error('The catalogue gave no answer');
      const { kind, description, touched, next, published, announces } = row;
      const announcements = announces === true ? await this.#announcements(oid, signal) : [];
      const look = { kind, description, touched, next, published, announcements };
      const snapshot = parseSnapshot(row.snapshot);
      // What was announced before is visible, and the transaction has announced nothing of its own.
      const told = use.announced === null && findAnnounced(use, look) !== null;
      const visible = snapshot.visible(String(use.transaction));
      if (told || visible) {
        const { transaction, announced } = use;
        this.#recent.add(oid, { look, snapshot, use: { transaction, announced } });
        // A look that does not show the transaction would be of no use for its other relations.
        if (visible) await this.#lookAhead(oid, look, { announces: announces === true }, signal);
        return look;
      }
      if (row.awaited && attempt > AWAITED_ATTEMPTS) return null;
      await sleep(PAUSES[Math.min(attempt, PAUSES.length - 1)] ?? 0, signal);
    }
    return null;
  }

  /** Looks at partitions that are likely to be met next; what it fails to find is asked for then. */
  async #lookAhead(
    oid: number,
    { description }: CatalogLook,
    { announces }: { readonly announces: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    if (description === null || !this.#inARow.met(oid, description)) return;
    const siblings = await lookAtSiblings(oid, this.#options, announces, signal).catch(
      withoutNames,
    );
    for (const { oid: sibling, look, snapshot } of siblings ?? []) {
      this.#recent.add(sibling, { look, snapshot: parseSnapshot(snapshot), use: null });
    }
  }

  async #announcements(oid: number, signal: AbortSignal): Promise<CatalogLook['announcements']> {
    const { query, source } = this.#options;
    const statement = {
      name: 'tidings announcements',
      text: announcementsSql(source),
      values: [oid],
    };
    const rows = (await query(statement, signal)) as readonly AnnouncementRow[];
    return rows.map(toAnnouncement);
  }
}

/** A name, of this relation or of a type, may have no UTF-8: then the catalogue cannot tell of it. */
function withoutNames(error: unknown): null {
  if (!NO_TEXT.has(sqlState(error) ?? '')) throw error;
  return null;
}

/** One row, whatever there is. */
function lookSql({ source, patterns }: RelationCatalogOptions): string {
  const name = quoteLiteral(publicationNames(source).all);
  return `
SELECT s.snapshot::text AS snapshot,
  (pg_snapshot_xmax(s.snapshot)::text::numeric % 4294967296)::float8 AS next,
  c.relkind::text AS kind, d.description, d.touched,
  (SELECT p.xmin::text::float8 FROM pg_publication p WHERE p.pubname = ${name}) AS published,
  (${announcementsRightsSql(source)}) AS announces,
  -- Whether a standby is a synchronous one, only roles that may read all statistics see.
  n.names LIKE '%*%' OR strpos(lower(n.names), lower(current_setting('application_name'))) > 0
    AS awaited
FROM (SELECT pg_current_snapshot() AS snapshot) s
  CROSS JOIN (SELECT current_setting('synchronous_standby_names') AS names) n
  LEFT JOIN pg_class c ON c.oid = $1::oid
  LEFT JOIN (${descriptionsSql(patterns, { of: 'one relation', oid: '$1' })}) d ON true`;
}
