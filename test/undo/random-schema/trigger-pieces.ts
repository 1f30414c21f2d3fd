import type { StepContext, StepKind } from './step.ts';
import { column, isInteger, userTables } from './user-tables.ts';
import { valueSql } from './values.ts';

/** Triggers that change what is written, or write elsewhere. */
export const TRIGGER_PIECES: { readonly [kind: string]: StepKind } = {
  changeRow: {
    feature: 'triggers',
    weight: 3,
    sql({ choices, catalogue, number }) {
      const table = choices.oneOf(userTables({ catalogue }));
      const chosen = choices.oneOf(
        table?.columns.filter((c) => c.generated === '' && c.identity === '') ?? [],
      );
      if (table === null || chosen === null) return null;
      const when = choices.one(['UPDATE', 'INSERT', 'INSERT OR UPDATE']);
      const value = isInteger(chosen)
        ? `COALESCE(NEW.${column(chosen)}, 0) + 1`
        : valueSql(catalogue, chosen.type, choices);
      return triggerSql(catalogue.schema, number, {
        on: `BEFORE ${when} ON ${table.sql} FOR EACH ROW`,
        body: `NEW.${column(chosen)} := ${value}; RETURN NEW;`,
      });
    },
  },
  skipRow: {
    feature: 'triggers',
    weight: 1,
    sql({ choices, catalogue, number }) {
      const table = choices.oneOf(userTables({ catalogue }));
      const chosen = choices.oneOf(table?.columns ?? []);
      if (table === null || chosen === null) return null;
      const value = valueSql(catalogue, chosen.type, choices);
      return triggerSql(catalogue.schema, number, {
        on: `BEFORE ${choices.one(['DELETE', 'INSERT', 'UPDATE'])} ON ${table.sql} FOR EACH ROW`,
        body: `IF TG_OP = 'DELETE' THEN IF OLD.${column(chosen)}::text = (${value})::text THEN RETURN NULL; END IF; RETURN OLD; END IF;
          IF NEW.${column(chosen)}::text = (${value})::text THEN RETURN NULL; END IF; RETURN NEW;`,
      });
    },
  },
  effect: { feature: 'trigger-effects', weight: 4, sql: effectSql },
};

/** Kinds of triggers with an effect elsewhere: what stands before and after their event. */
const WHEN = [
  ['TRIGGER', 'FOR EACH ROW'],
  ['TRIGGER', 'FOR EACH STATEMENT'],
  ['CONSTRAINT TRIGGER', 'DEFERRABLE INITIALLY DEFERRED FOR EACH ROW'],
  ['CONSTRAINT TRIGGER', 'FOR EACH ROW'],
  ['TRIGGER', 'FOR EACH ROW WHEN (pg_trigger_depth() = 0)'],
] as const;

/** An effect may set off the trigger again; it has one of its own accord only. */
const ALONE = 'pg_trigger_depth() = 1';
/** Deferred triggers all fire from the commit, at the same depth, and could go on for ever. */
const ONCE = `current_setting('test.touched', true) IS DISTINCT FROM
    set_config('test.touched', pg_current_xact_id()::text, true)`;

function effectSql({ choices, catalogue, features, number }: StepContext): string | null {
  const table = choices.oneOf(userTables({ catalogue }));
  const other = choices.oneOf(userTables({ catalogue }));
  if (table === null || other === null) return null;
  const { schema } = catalogue;
  const what = choices.one(['INSERT', 'UPDATE', 'DELETE', 'INSERT OR UPDATE OR DELETE']);
  const target = choices.oneOf(
    other.columns.filter((c) => c.generated === '' && c.identity === '' && !c.notNull),
  );
  const touch =
    target === null
      ? 'NULL;'
      : `UPDATE ${other.sql} SET ${column(target)} = ${valueSql(catalogue, target.type, choices)};`;
  const body = choices.one([
    () => `INSERT INTO ${schema}.audit (what) VALUES (TG_OP);`,
    () => `UPDATE ${schema}.counts SET n = n + 1 WHERE what = 'rows';`,
    (when: string) => `IF ${when} THEN ${touch} END IF;`,
  ]);
  const kinds = features.has('trigger-kinds');
  const [head, tail] = choices.one(kinds ? WHEN : WHEN.slice(0, 2));
  const first = kinds && what === 'UPDATE' ? table.columns[0] : undefined;
  const event = first !== undefined && choices.once(3) ? `UPDATE OF ${column(first)}` : what;
  const before = kinds && tail === 'FOR EACH STATEMENT' && choices.once(3);
  const on = `${before ? 'BEFORE' : 'AFTER'} ${event} ON ${table.sql} ${tail}`;
  const when = tail.startsWith('DEFERRABLE') ? ONCE : ALONE;
  const create = `${functionSql(schema, number, `${body(when)} RETURN NULL;`)}
CREATE ${head} t${number} ${on} EXECUTE FUNCTION ${schema}.f${number}()`;
  return kinds && choices.once(4)
    ? `${create}; ALTER TABLE ${table.sql} ENABLE ALWAYS TRIGGER t${number}`
    : create;
}

function triggerSql(
  schema: string,
  number: number,
  { on, body }: { readonly on: string; readonly body: string },
): string {
  return `${functionSql(schema, number, body)}
CREATE TRIGGER t${number} ${on} EXECUTE FUNCTION ${schema}.f${number}()`;
}

function functionSql(schema: string, number: number, body: string): string {
  return `CREATE FUNCTION ${schema}.f${number}() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN ${body} END$$;`;
}
