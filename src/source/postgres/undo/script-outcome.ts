import { qualifiedName } from '../../../change/table.ts';
import { quoteLiteral } from '../quote.ts';
import { type ActedOn, repairsOf, ROUNDS } from './acted-on.ts';
import { partSql, type Step, writeAllSql } from './apply.ts';
import {
  BEGIN_OUTCOME,
  differentSql,
  EFFECTS,
  holdSql,
  relation,
  strayRowsSql,
} from './outcome-sql.ts';
import type { Reach } from './reach.ts';
import { doBlock, guard } from './script-blocks.ts';
import type { StagedTable } from './staged-table.ts';

/** What a script does to be sure of its outcome; `outcome.ts` does the same for an apply. */
export interface ScriptOutcome {
  readonly acted: readonly ActedOn[];
  readonly compared: readonly StagedTable[];
  readonly reach: Reach;
  /** Whether triggers and rules may make of it what they do. */
  readonly allowed: boolean;
}

/** Before anything is written. */
export function beginChecks({ compared, reach }: ScriptOutcome): string {
  const statements = [
    ...BEGIN_OUTCOME,
    ...compared.filter(({ key }) => key === null).map((table) => holdSql(table)),
  ];
  const counting = `SELECT set_config('track_counts', 'on', true) WHERE current_setting('is_superuser') = 'on';\n`;
  const needed =
    reach.code.length + reach.keys.length === 0
      ? ''
      : guard(
          `current_setting('track_counts') <> 'on'`,
          'track_counts is off: nobody could see what triggers and foreign keys do along with this',
        );
  return `\n-- What this transaction has done to each table so far, to tell at the end what it did beyond.
${counting}${needed}${statements.map((statement) => `${statement};\n`).join('')}`;
}

/** The statements that write, each in a block that counts. */
export function writing(steps: readonly Step[], { acted }: ScriptOutcome): string {
  const blocks = steps.map((step) => {
    const expected = step.map((part) => part.expected).join(', ');
    const wrote = step.map(
      ({ table, operation, expected: rows }) => `(${relation(table)}, '${operation}', ${rows})`,
    );
    const statements = step.map(({ table, operation }) => partSql(table, operation));
    return doBlock(`DECLARE
  expected integer[] := ARRAY[${expected}];
  written record;
BEGIN
  FOR written IN
${writeAllSql(statements)}
  LOOP
    IF written.affected <> expected[written.part + 1] THEN
      RAISE EXCEPTION 'part % of the undo affected % rows and should have affected %',
        written.part, written.affected, expected[written.part + 1];
    END IF;
  END LOOP;
  INSERT INTO pg_temp.undo_wrote VALUES ${wrote.join(', ')};
END`);
  });
  return `\n-- In one statement, so that foreign keys are checked when every row is in its place; only what a
-- foreign key would act on comes after it.
${blocks.join('')}${puttingRight(acted)}`;
}

/** Rows that foreign keys have deleted or changed again, until they leave them alone. */
function puttingRight(acted: readonly ActedOn[]): string {
  const repairs = repairsOf(acted);
  if (repairs.length === 0) return '';
  return doBlock(`DECLARE
  relations oid[] := ARRAY[${repairs.map(({ table }) => relation(table)).join(', ')}];
  operations text[] := ARRAY[${repairs.map(({ operation }) => `'${operation}'`).join(', ')}];
  written record;
  changed integer;
BEGIN
  FOR round IN 1..${ROUNDS} LOOP
    changed := 0;
    FOR written IN
${writeAllSql(repairs.map(({ sql }) => sql))}
    LOOP
      changed := changed + written.affected;
      INSERT INTO pg_temp.undo_wrote
        VALUES (relations[written.part + 1], operations[written.part + 1], written.affected);
      IF operations[written.part + 1] = 'insert' THEN
        INSERT INTO pg_temp.undo_wrote
          VALUES (relations[written.part + 1], 'delete', written.affected);
      END IF;
    END LOOP;
    EXIT WHEN changed = 0;
  END LOOP;
END`);
}

/** When everything is written. */
export function checksAtEnd({ acted, compared, reach, allowed }: ScriptOutcome): string {
  const level = allowed && reach.code.length > 0 ? 'WARNING' : 'EXCEPTION';
  const keyed = acted.filter(({ table }) => table.key !== null);
  const rows = (select: string, message: string): string =>
    doBlock(`DECLARE found text[]; BEGIN
  FOR found IN SELECT key FROM (${select}) d LIMIT 1 LOOP RAISE ${level} ${quoteLiteral(message)}, found; END LOOP;
END`);
  const named = (table: StagedTable): string => qualifiedName(table.facts).replaceAll('%', '%%');
  const compare = compared.map((table) =>
    rows(
      differentSql(table),
      `${named(table)} % is not what the undo made of it: something changed it again`,
    ),
  );
  const stray = keyed.map(({ table }) =>
    rows(strayRowsSql(table), `${named(table)} % was changed along, and is no part of the undo`),
  );
  const names = keyed.map(
    ({ table: { facts } }) => `(${quoteLiteral(facts.schema)}, ${quoteLiteral(facts.name)})`,
  );
  const excused =
    names.length === 0
      ? 'false'
      : `(effect.schema, effect.name) IN (${names.join(', ')}) AND effect.inserted = 0
      AND effect.deleted = 0 AND NOT effect.emptied`;
  return `\n-- Nothing else may have been set off by it. Rows that triggers add to other tables are no loss.
${compare.join('')}${stray.join('')}${doBlock(`DECLARE effect record; BEGIN
  FOR effect IN ${EFFECTS} LOOP
    IF NOT effect.planned AND NOT effect.emptied AND effect.updated = 0 AND effect.deleted = 0 THEN
      RAISE NOTICE 'triggers or rules added % rows to %.%', effect.inserted, effect.schema, effect.name;
    ELSIF NOT (${excused}) THEN
      RAISE ${level} 'the undo set off more than was planned in %.%: % rows more inserted, % updated, % deleted%',
        effect.schema, effect.name, effect.inserted, effect.updated, effect.deleted,
        CASE WHEN effect.emptied THEN ', emptied or rewritten' ELSE '' END;
    END IF;
  END LOOP;
END`)}`;
}
