/**
 * Every setting that reaches into a session, set on one database to a value that would change or stop
 * something, and on another one left alone: capture, undo, script, as-of and doctor do the same.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type pg from 'pg';
import { openLooking } from '../src/app/looking/open-looking.ts';
import { defineConfig } from '../src/config/define-config.ts';
import { resolveConfig } from '../src/config/resolve-config.ts';
import { readAll } from '../src/log/log.contract.ts';
import { PostgresSource } from '../src/source/postgres/postgres-source.ts';
import type { TestDatabase } from './support/postgres.ts';
import { all, rowsThen } from './looking/fixture.ts';
import { type UndoFixture, undoFixture } from './undo/fixture.ts';

/** Longer than what {@link HOSTILE} lets anything take; seconds. */
const LONG = 1.3;

const HOSTILE: Readonly<Record<string, string>> = {
  // What texts mean.
  array_nulls: 'off',
  backslash_quote: 'off',
  bytea_output: 'escape',
  datestyle: 'German, DMY',
  default_text_search_config: 'simple',
  extra_float_digits: '-15',
  intervalstyle: 'iso_8601',
  lc_monetary: 'C.utf8',
  quote_all_identifiers: 'on',
  search_path: 'evil, public, pg_catalog',
  standard_conforming_strings: 'off',
  timezone: 'Asia/Kolkata',
  timezone_abbreviations: 'India',
  transform_null_equals: 'on',
  xmlbinary: 'hex',
  xmloption: 'document',
  'plpgsql.extra_errors': 'all',
  'plpgsql.variable_conflict': 'use_variable',
  // Time, waiting, transactions.
  deadlock_timeout: '1ms',
  default_transaction_deferrable: 'on',
  default_transaction_isolation: 'serializable',
  default_transaction_read_only: 'on',
  idle_in_transaction_session_timeout: '1s',
  idle_session_timeout: '1s',
  lock_timeout: '1ms',
  statement_timeout: '1s',
  synchronous_commit: 'off',
  transaction_timeout: '1s',
  // What errors, messages, rights and triggers do.
  check_function_bodies: 'off',
  client_min_messages: 'debug5',
  createrole_self_grant: 'set, inherit',
  event_triggers: 'off',
  exit_on_error: 'on',
  icu_validation_level: 'error',
  restrict_nonsystem_relation_kind: 'view, foreign-table',
  row_security: 'off',
  session_replication_role: 'replica',
  // Where and how things are kept and found.
  constraint_exclusion: 'on',
  cursor_tuple_fraction: '0.0001',
  debug_parallel_query: 'on',
  default_statistics_target: '1',
  default_table_access_method: 'odd',
  default_tablespace: 'nowhere',
  enable_bitmapscan: 'off',
  enable_hashagg: 'off',
  enable_hashjoin: 'off',
  enable_indexscan: 'off',
  enable_material: 'off',
  enable_mergejoin: 'off',
  enable_nestloop: 'off',
  enable_partition_pruning: 'off',
  enable_seqscan: 'off',
  enable_sort: 'off',
  enable_tidscan: 'off',
  force_parallel_mode: 'on',
  from_collapse_limit: '1',
  gin_fuzzy_search_limit: '1',
  jit: 'on',
  jit_above_cost: '0',
  join_collapse_limit: '1',
  max_stack_depth: '100kB',
  min_parallel_table_scan_size: '0',
  parallel_setup_cost: '0',
  parallel_tuple_cost: '0',
  plan_cache_mode: 'force_generic_plan',
  temp_tablespaces: 'nowhere',
  vacuum_cost_delay: '100ms',
  vacuum_cost_limit: '1',
  work_mem: '64kB',
};

const schema = (pause: number): string => `
  CREATE SCHEMA evil; SET check_function_bodies = off;
  CREATE FUNCTION evil.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS 'SELECT 1/0';
  CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE sql AS 'SELECT 1/0';
  CREATE VIEW evil.pg_settings AS SELECT ''::text AS name, ''::text AS setting;
  CREATE TYPE pair AS (n int, at timestamptz);
  CREATE TABLE wide (id int PRIMARY KEY, at timestamptz, d date, ts timestamp, span interval, f float8, r real,
    b bytea, words text[], m money, reg regclass, "Odd Name" text, p pair, during tstzrange, j jsonb, n numeric);
  CREATE TABLE moments (at timestamptz PRIMARY KEY, expected int);
  CREATE TABLE bag (words text[], at timestamptz);
  CREATE TABLE slow (id int PRIMARY KEY, written int);
  CREATE TABLE audit (n int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, seen text);
  ALTER TABLE wide REPLICA IDENTITY FULL; ALTER TABLE moments REPLICA IDENTITY FULL;
  ALTER TABLE bag REPLICA IDENTITY FULL; ALTER TABLE slow REPLICA IDENTITY FULL;
  CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN IF NEW.id = 1 THEN PERFORM pg_sleep(${pause}); END IF; RETURN NEW; END';
  INSERT INTO slow VALUES (1, 1), (2, 0);
  CREATE TRIGGER late BEFORE INSERT ON slow FOR EACH ROW EXECUTE FUNCTION late();
  -- What the application's own code makes of the settings it finds.
  CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql SET plpgsql.extra_errors = 'none' AS $$
    DECLARE escaped text; BEGIN
      EXECUTE 'SELECT ''a\\\\b''' INTO escaped;
      INSERT INTO public.audit (seen) VALUES (concat_ws('; ', timestamptz '2026-01-02 03:04+00', interval '1 day 2 hours',
        0.1::float8 + 0.2::float8, decode('00ff', 'hex'), 1234.56::numeric::money, current_setting('search_path'), '{NULL}'::text[] = ARRAY['NULL'], escaped));
      RETURN NULL; END $$;
  CREATE TRIGGER seen AFTER INSERT ON wide FOR EACH ROW EXECUTE FUNCTION seen();
  INSERT INTO wide SELECT g, '2026-01-02 03:04:05.678901+02', '2026-03-04', '2026-03-04 05:06:07', '1 year 2 mons -3 days 04:05:06',
    0.1::float8 + 0.2::float8, 0.1, '\\x00ff5c', ARRAY[NULL, 'NULL', 'a\\b', E'it''s'], '1234.56', 'wide', 'a\\nb\\\\ ''x''',
    (g, '2026-01-02 03:04:05+02'::timestamptz)::pair, '[2026-01-02 03:04:05+02,)', '{"a": [1.0, null]}', 1.50 FROM generate_series(1, 40) g;
  INSERT INTO wide (id) VALUES (41);
  INSERT INTO moments SELECT timestamptz '2026-10-25 00:00+00' + g * interval '30 minutes', g FROM generate_series(1, 9) g;
  INSERT INTO bag VALUES (ARRAY[NULL, 'NULL'], '2026-01-02 03:04+02'), (ARRAY[NULL, 'NULL'], '2026-01-02 03:04+02')`;

const CHANGES = `DELETE FROM wide WHERE id <= 20; UPDATE wide SET words = NULL, m = '-0.01', at = NULL, f = 1e-5 WHERE id > 20;
  INSERT INTO wide (id, words, m) VALUES (99, ARRAY[NULL, 'NULL'], 7); DELETE FROM moments; DELETE FROM bag; DELETE FROM slow WHERE id = 1`;

const ALL = `SELECT 'w', w::text FROM wide w UNION ALL SELECT 'm', m::text FROM moments m
  UNION ALL SELECT 'b', b::text FROM bag b UNION ALL SELECT 's', s::text FROM slow s ORDER BY 1, 2`;

async function setAll(database: TestDatabase): Promise<void> {
  const { client, name } = database;
  await client.query('CREATE ACCESS METHOD odd TYPE TABLE HANDLER heap_tableam_handler');
  const { rows } = await client.query<{ name: string }>(
    // PostgreSQL 19 knows no other way with backslashes any more, and refuses to be asked for it.
    `SELECT lower(name) AS name FROM pg_settings
     WHERE name <> 'standard_conforming_strings' OR current_setting('server_version_num')::int < 190000`,
  );
  const known = new Set(rows.map((row) => row.name));
  for (const [setting, value] of Object.entries(HOSTILE)) {
    if (!known.has(setting) && !setting.includes('.')) continue;
    const literal = setting === 'search_path' ? value : `'${value}'`;
    await client.query(`ALTER DATABASE ${name} SET ${setting} = ${literal}`);
  }
}

/** What a session of the application has in `audit` after it wrote to `wide`. */
async function ownAudit({ database }: UndoFixture): Promise<unknown> {
  const client = await database.connect();
  await client.query('BEGIN READ WRITE; SET LOCAL session_replication_role = origin');
  await client.query('INSERT INTO wide (id) VALUES (1000)');
  const { rows } = await client.query<{ seen: string }>(
    'SELECT seen FROM audit ORDER BY n DESC LIMIT 1',
  );
  await client.end();
  return rows[0]?.seen;
}

async function audited(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ seen: string }>('SELECT DISTINCT seen FROM audit');
  await client.query('TRUNCATE audit');
  return rows.map(({ seen }) => seen);
}

async function logOf(at: UndoFixture): Promise<unknown> {
  await at.log.refresh();
  return (await readAll(at.log))
    .filter(({ table }) => table.name !== 'audit')
    .map(({ table, operation, key, images }) => [
      [table.name, operation, key, table.columns.map(({ name, type }) => `${name} ${type}`)],
      Buffer.from(images).toString('latin1'),
    ]);
}

async function doctor(at: UndoFixture): Promise<unknown> {
  await using source = new PostgresSource({
    name: 'other',
    url: at.database.url,
    tables: ['public.*'],
  });
  const results = await source.check(at.signal);
  // That a database has event triggers off is a thing to be told.
  const told = results.filter(({ name }) => name !== 'new tables');
  return told.map(({ name, status }) => `${name}: ${status}`);
}

/** Everything that is done, and what came of it. */
async function outcome(major: 14 | 18, hostile: boolean): Promise<unknown> {
  const pause = hostile ? LONG : 0;
  await using at = await undoFixture(schema(pause), {
    major,
    ...(hostile ? { prepare: setAll } : {}),
  });
  const { client } = at.database;
  const before = await at.rows(ALL);
  const found: Record<string, unknown> = { before, doctor: await doctor(at) };
  const transaction = await at.change(CHANGES);
  found['log'] = await logOf(at);

  const sources = { main: { url: at.database.url, tables: ['public.*'] } };
  const config = resolveConfig(defineConfig({ dataDir: join(at.directory, 'data'), sources }));
  await using looking = await openLooking(config);
  const [last] = await at.log.transactionsById(transaction);
  const offset = last?.first ?? 0;
  for (const table of ['wide', 'moments', 'bag']) {
    found[table] = await rowsThen(looking, { table, asOf: { offset } });
  }
  await using view = await looking.table({ table: 'wide', asOf: { offset } }, at.signal);
  // A reader who takes longer than the settings allow.
  await client.query('SELECT pg_sleep($1)', [pause]);
  found['slowly'] = await all(view.rows);

  const { tables, total, sample, conflicts, warnings } = await at.plan({ transaction });
  Object.assign(found, { tables, total, sample, conflicts, warnings });
  await client.query('TRUNCATE audit');
  const plan = await at.plan({ transaction });
  let script = '';
  for await (const piece of at.undo.undoScript(plan, {}, at.signal)) script += piece;
  const session = await at.database.connect();
  await session.query(script);
  await session.end();
  assert.deepEqual(await at.rows(ALL), before, 'the script');
  const own = [await ownAudit(at)];
  assert.deepEqual(await audited(client), own, 'triggers in the script');

  const again = await at.change(CHANGES);
  await client.query('TRUNCATE audit');
  const applied = await at.apply({ transaction: again });
  assert.deepEqual(await at.rows(ALL), before, 'the undo');
  assert.deepEqual(await audited(client), own, 'triggers in the undo');
  found['applied'] = applied.tables;
  return found;
}

for (const major of [18, 14] as const) {
  test(`settings of a database change nothing that Tidings does, on PostgreSQL ${major}`, async () => {
    assert.deepEqual(await outcome(major, true), await outcome(major, false));
  });
}
