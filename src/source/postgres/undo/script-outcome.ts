import { qualifiedName } from '../../../change/table.ts';
import { quoteLiteral } from '../quote.ts';
import { type Part, partSql, writeAllSql } from './apply.ts';
import {
  BEGIN_OUTCOME,
  differentSql,
  EFFECTS,
  holdSql,
  RECOUNT_OUTCOME,
  relation,
  strayRowsSql,
} from './outcome-sql.ts';
import type { Reach } from './reach.ts';
import { doBlock, guard } from './script-blocks.ts';
import type { StagedTable } from './staged-table.ts';
import { ROUNDS } from './write-rows.ts';
import type { Repair, Step, WritingOrder } from './writing-order.ts';

/** What a script does to be sure of its outcome; `outcome.ts` does the same for an apply. */
export interface ScriptOutcome {
  /** Tables whose rows foreign keys may change while they come back. */
  readonly reached: ReadonlySet<StagedTable>;
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

/** The statements that write, each counted. */
export function writing(
  orders: readonly [WritingOrder, ...WritingOrder[]],
  outcome: ScriptOutcome,
): string {
  const [first, second] = orders;
  const body =
    second === undefined
      ? orderBlock(first)
      : `BEGIN
${orderBlock(first)}${compareRows(outcome, '23000')}${effectsBlock(outcome, '23000')}
EXCEPTION WHEN integrity_constraint_violation THEN
-- Something is in the way of this order; another one may go.
${RECOUNT_OUTCOME.map((statement) => `  ${statement};\n`).join('')}${orderBlock(second)}
END;`;
  return `\n-- In one statement, so that foreign keys are checked when every row is in its place; rows that a
-- foreign key would act on come after it.
${doBlock(`BEGIN\n${body}\nEND`)}`;
}

function orderBlock({ steps, missing }: WritingOrder): string {
  const notes = [...missing].map(
    ([table, rows]) =>
      `  INSERT INTO pg_temp.undo_wrote VALUES (${relation(table)}, 'delete', ${-rows});\n`,
  );
  return `${notes.join('')}${steps.map(stepBlock).join('')}SET CONSTRAINTS ALL IMMEDIATE;\n`;
}

function stepBlock(step: Step): string {
  return 'parts' in step ? partsBlock(step.parts) : repairsBlock(step.repairs);
}

function partsBlock(parts: readonly Part[]): string {
  const expected = parts.map((part) => part.expected).join(', ');
  const wrote = parts.map(
    ({ table, operation, expected: rows }) => `(${relation(table)}, '${operation}', ${rows})`,
  );
  const statements = parts.map(partSql);
  return `DECLARE
  expected integer[] := ARRAY[${expected}];
  written record;
BEGIN
  FOR written IN
${writeAllSql(statements)}
  LOOP
    IF written.affected <> expected[written.part + 1] THEN
      RAISE EXCEPTION 'part % of the undo affected % rows and should have affected %',
        written.part, written.affected, expected[written.part + 1] USING ERRCODE = '23000';
    END IF;
  END LOOP;
  INSERT INTO pg_temp.undo_wrote VALUES ${wrote.join(', ')};
END;
`;
}

/** Rows that foreign keys have deleted or changed again, until they leave them alone. */
function repairsBlock(repairs: readonly Repair[]): string {
  return `DECLARE
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
END;
`;
}

/** When everything is written. */
export function checksAtEnd(outcome: ScriptOutcome): string {
  return `\n-- Nothing else may have been set off by it. Rows that triggers add to other tables are no loss.
${doBlock(`BEGIN\n${compareRows(outcome, 'P0001')}${effectsBlock(outcome, 'P0001')}END`)}`;
}

/** Rows that are other than they should be. */
function compareRows(outcome: ScriptOutcome, state: string): string {
  const { reached, compared } = outcome;
  const named = (table: StagedTable): string => qualifiedName(table.facts).replaceAll('%', '%%');
  const rows = (select: string, message: string): string => `DECLARE found text[]; BEGIN
  FOR found IN SELECT key FROM (${select}) d LIMIT 1 LOOP
    RAISE ${levelOf(outcome)} ${quoteLiteral(message)}, found USING ERRCODE = '${state}';
  END LOOP;
END;
`;
  const different = compared.map((table) =>
    rows(
      differentSql(table),
      `${named(table)} % is not what the undo made of it: something changed it again`,
    ),
  );
  const stray = [...reached].flatMap((table) => {
    if (table.key === null) return [];
    const message = `${named(table)} % was changed along, and is no part of the undo`;
    return [rows(strayRowsSql(table), message)];
  });
  return [...different, ...stray].join('');
}

/** What was done beyond the rows of the undo. */
function effectsBlock(outcome: ScriptOutcome, state: string): string {
  const names = [...outcome.reached].flatMap(({ key, facts }) =>
    key === null ? [] : [`(${quoteLiteral(facts.schema)}, ${quoteLiteral(facts.name)})`],
  );
  const excused =
    names.length === 0
      ? 'false'
      : `(effect.schema, effect.name) IN (${names.join(', ')}) AND effect.inserted = 0
      AND effect.deleted = 0 AND NOT effect.emptied`;
  return `DECLARE effect record; BEGIN
  -- Where the server does not count, nothing could have been set off.
  IF current_setting('track_counts') = 'on' THEN
  FOR effect IN ${EFFECTS} LOOP
    IF NOT effect.planned AND NOT effect.emptied AND effect.updated = 0 AND effect.deleted = 0 THEN
      RAISE NOTICE 'triggers or rules added % rows to %.%', effect.inserted, effect.schema, effect.name;
    ELSIF NOT (${excused}) THEN
      RAISE ${levelOf(outcome)} 'the undo set off more than was planned in %.%: % rows more inserted, % updated, % deleted%',
        effect.schema, effect.name, effect.inserted, effect.updated, effect.deleted,
        CASE WHEN effect.emptied THEN ', emptied or rewritten' ELSE '' END USING ERRCODE = '${state}';
    END IF;
  END LOOP;
  END IF;
END;
`;
}

function levelOf({ allowed, reach }: ScriptOutcome): string {
  return allowed && reach.code.length > 0 ? 'WARNING' : 'EXCEPTION';
}
