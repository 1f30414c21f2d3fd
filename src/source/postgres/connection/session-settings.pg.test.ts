/** Every setting that a database can give a session is pinned, or on a list of those that may be as they are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type pg from 'pg';
import { createSlot, openStream } from '../../../../test/support/captured-stream.ts';
import { freshDatabase, MAJORS } from '../../../../test/support/postgres.ts';
import { connect } from './connect.ts';
import { startupOptions, TEXT_SETTINGS, UNDO_BEGIN } from './session-settings.ts';

/** May be as they are, and why. A name ends with `*` for all that begin like it. */
const LEFT: Readonly<Record<string, string>> = {
  'The connection itself says it': 'application_name client_encoding',
  'How a transaction began says it':
    'transaction_deferrable transaction_isolation transaction_read_only',
  'An undo and a script pin it': 'session_replication_role synchronous_commit',
  'Read, and the stream’s feedback follows it': 'wal_sender_timeout',
  'Only plans and the memory they take: each is right, and none of them grows without bound':
    'backend_flush_after constraint_exclusion cpu_* cursor_tuple_fraction default_statistics_target effective_* geqo* hash_mem_multiplier io_combine_limit jit* logical_decoding_work_mem maintenance_* max_parallel_* max_stack_depth min_parallel_* parallel_* plan_cache_mode random_page_cost recursive_worktable_factor seq_page_cost synchronize_seqscans temp_buffers work_mem enable_async_append enable_distinct_reordering enable_gathermerge enable_group_by_reordering enable_incremental_sort enable_indexonlyscan enable_material enable_memoize enable_parallel_* enable_partitionwise_* enable_presorted_aggregate enable_self_join_elimination',
  'A limit of the administrator’s; reaching it is an error that says so': 'temp_file_limit',
  'Where and how the administrator keeps things; one that is missing is passed over':
    'default_tablespace default_toast_compression file_copy_method temp_tablespaces gin_pending_list_limit wal_compression wal_consistency_checking wal_init_zero wal_recycle wal_skip_threshold',
  'How soon a commit is written, not whether': 'commit_delay commit_siblings',
  'When the server gives up a connection that is broken': 'client_connection_check_interval tcp_*',
  'The order in which locks that wait for each other are found': 'deadlock_timeout',
  'What the server writes into its own log, counts and shows':
    'backtrace_functions compute_query_id debug_pretty_print debug_print_* log_* trace_* track_* stats_fetch_consistency update_process_title',
  'The language of messages: decisions are made by SQLSTATE and routine': 'lc_messages',
  'Of functions that we do not call; the application’s triggers find what any session finds':
    'default_text_search_config escape_string_warning lc_numeric lc_time lo_compat_privileges xmlbinary dynamic_library_path extension_control_path local_preload_libraries session_preload_libraries',
  'Names of time zones as input: our texts have offsets': 'timezone_abbreviations',
  'Of statements that we do not run':
    'allow_in_place_tablespaces allow_system_table_mods createrole_self_grant icu_validation_level md5_password_warnings password_encryption scram_iterations vacuum_*',
  'What we make (a function, an event trigger, publications) is the same under it':
    'check_function_bodies event_triggers',
  'Of views and foreign tables, which we do not read': 'restrict_nonsystem_relation_kind',
  'For those who look for defects of the server':
    'debug_discard_caches debug_logical_replication_streaming debug_parallel_query force_parallel_mode ignore_checksum_failure logical_replication_mode zero_damaged_pages send_abort_*',
};

function isLeft(name: string): boolean {
  return Object.values(LEFT)
    .flatMap((names) => names.split(' '))
    .some((left) => (left.endsWith('*') ? name.startsWith(left.slice(0, -1)) : name === left));
}

/** What a database, a role or ALTER SYSTEM can set for a session that begins. */
const SETTABLE = `SELECT lower(name) AS name FROM pg_settings
  WHERE context IN ('user', 'superuser') AND name !~ '\\.' ORDER BY 1`;

/** As the server prints them, so that `0` and `0ms` are the same. */
async function show(client: pg.Client, names: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; setting: string }>(
    'SELECT lower(name) AS name, setting FROM pg_settings WHERE lower(name) = ANY ($1)',
    [names],
  );
  return new Map(rows.map(({ name, setting }) => [name, setting]));
}

for (const major of MAJORS) {
  test(`each setting of PostgreSQL ${major} is pinned or may be as it is`, async () => {
    await using database = await freshDatabase(major);
    const options = startupOptions(false);
    const pinned = [...options.matchAll(/-c (\w+)=/g)].map(([, name = '']) => name);
    const { rows } = await database.client.query<{ name: string }>(SETTABLE);
    const names = rows.map(({ name }) => name);
    const undecided = names.filter(
      (name) => !pinned.includes(name) && name !== 'transaction_timeout' && !isLeft(name),
    );
    assert.deepEqual(undecided, []);

    const expected = new Map(
      [...options.matchAll(/-c (\w+)=((?:\\.|\S)+)/g)].map(([, name = '', value = '']) => [
        name,
        value.replaceAll('\\', ''),
      ]),
    );
    if (names.includes('transaction_timeout')) {
      await database.client.query(
        `ALTER DATABASE ${database.name} SET transaction_timeout = '10s'`,
      );
      expected.set('transaction_timeout', '0');
    }
    for (const replication of [false, true]) {
      const client = await connect({ source: 'main', url: database.url, replication });
      const text = `SELECT lower(name) AS name, setting FROM pg_settings WHERE context IN ('user', 'superuser')`;
      const { rows: found } = await client.query<{ name: string; setting: string }>(text);
      const now = new Map(found.map(({ name, setting }) => [name, setting]));
      for (const [name, value] of expected) assert.equal(now.get(name), value, name);
      await client.end();
    }
  });
}

test('an undo begins with our texts, and what it gives back is what the role has', async () => {
  await using database = await freshDatabase();
  await database.client.query(`ALTER DATABASE ${database.name} SET timezone = 'Asia/Kolkata'`);
  await database.client.query(`ALTER DATABASE ${database.name} SET synchronous_commit = 'off'`);
  const client = await connect({ source: 'main', url: database.url, firesTriggers: true });
  await client.query(UNDO_BEGIN);
  const texts = await show(client, Object.keys(TEXT_SETTINGS));
  assert.deepEqual(Object.fromEntries(texts), TEXT_SETTINGS);
  await client.query('SET LOCAL timezone TO DEFAULT');
  const { rows } = await client.query<object>(
    `SELECT current_setting('timezone') AS zone, current_setting('synchronous_commit') AS commit`,
  );
  assert.deepEqual(rows, [{ zone: 'Asia/Kolkata', commit: 'local' }]);
  await client.end();
});

test('a large transaction may take longer to be read than transactions may take', async () => {
  await using database = await freshDatabase();
  const { client, name } = database;
  await client.query('CREATE TABLE t (id int PRIMARY KEY, v text)');
  await createSlot(database);
  await client.query(`ALTER DATABASE ${name} SET transaction_timeout = '1s'`);
  await using stream = await openStream(database);
  const waiting = await database.connect({ options: '-c transaction_timeout=0' });
  let waited: Promise<void> | undefined;
  // More than fits between the server and us, so that the server waits inside of the transaction.
  stream.receiver.onBurst = () =>
    (waited ??= waiting.query('SELECT pg_sleep(1.3)').then(() => undefined));
  await client.query(
    `INSERT INTO t SELECT g, repeat(md5(g::text), 60) FROM generate_series(1, 20000) g`,
  );
  await stream.caughtUp();
  assert.equal(stream.receiver.changes.length, 20_000);
  assert.equal(stream.receiver.streams, 1);
});
