import { qualifiedName } from '../../../change/table.ts';
import { TidingsError } from '../../../errors/tidings-error.ts';
import { positionToLsn } from './position.ts';
import { quoteIdentifier, quoteTable } from '../quote.ts';
import type { UnreadableValue } from './raw-messages.ts';

export interface UnreadableValuesOptions {
  readonly source: string;
  readonly onWarning: (warning: TidingsError) => void;
  /** Told of each value. Default: nobody is. */
  readonly onUnreadable?: (() => void) | undefined;
}

/** Tells once of each column that has values without a meaning in the database's encoding. */
export class UnreadableValues {
  readonly #options: UnreadableValuesOptions;
  readonly #told = new Set<string>();

  constructor(options: UnreadableValuesOptions) {
    this.#options = options;
  }

  add({ schema, table: name, column, position }: UnreadableValue): void {
    const { source, onWarning, onUnreadable } = this.#options;
    onUnreadable?.();
    const place = JSON.stringify([schema, name, column]);
    if (this.#told.has(place)) return;
    this.#told.add(place);
    const [tableSql, columnSql] = [quoteTable({ schema, name }), quoteIdentifier(column)];
    onWarning(
      new TidingsError('SOURCE_VALUE_UNREADABLE', {
        source,
        table: qualifiedName({ schema, name }),
        column,
        position: positionToLsn(position),
        tableSql,
        columnSql,
        sql: findUnreadableSql(tableSql, columnSql),
      }),
    );
  }
}

/**
 * Tells where the rows are. The server ends a statement at the first text that it cannot convert, so
 * each row is tried by itself; a block needs nothing in the database.
 * @param table quoted. @param column quoted; null for all of them.
 */
export function findUnreadableSql(table: string, column: string | null): string {
  return (
    `DO $$ DECLARE r record; BEGIN FOR r IN SELECT tableoid::regclass AS place, ctid, ${column ?? 't'}::text AS v FROM ${table} t ` +
    `LOOP BEGIN PERFORM convert_to(r.v, 'UTF8'); EXCEPTION WHEN untranslatable_character OR character_not_in_repertoire ` +
    `THEN RAISE NOTICE '%, ctid %', r.place, r.ctid; END; END LOOP; END $$;`
  );
}
