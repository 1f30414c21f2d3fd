import { quoteLiteral } from '../quote.ts';

/*
 * What our sessions depend on, pinned: every setting of a server, database or role that reaches into
 * what a session of ours reads or writes, how long it may take, or what it locks. All of them are
 * here, for every session and for the script of an undo. `session-settings.pg.test.ts` goes through
 * pg_settings of the server it runs on: a setting that is neither here nor on its list of settings
 * that may be as they are fails the test, so a new major has to be decided about.
 */

/** Names and values as SET takes them. */
export type Settings = Readonly<Record<string, string>>;

/**
 * What texts mean, in both directions (invariant 10): how the server prints and reads values, and how
 * it reads our own SQL. The walsender's text obeys them too, so that the log, a snapshot and an undo
 * speak of one value in one way.
 *
 * The application's triggers run in an undo, and their code may depend on any of these; so an undo
 * gives them back while it writes. See `UndoConnection.withOwnSettings`.
 */
export const TEXT_SETTINGS: Settings = {
  search_path: 'pg_catalog',
  datestyle: 'ISO, YMD',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  extra_float_digits: '1',
  bytea_output: 'hex',
  xmloption: 'content',
  // The text of money: `$1,234.56`.
  lc_monetary: 'C',
  // Off, `{NULL}` is the text "NULL" and not a null.
  array_nulls: 'on',
  // On, regclass and its like print their names in quotes.
  quote_all_identifiers: 'off',
  standard_conforming_strings: 'on',
  backslash_quote: 'safe_encoding',
  transform_null_equals: 'off',
};

/**
 * How a session runs: time, waiting, transactions, what errors do. Nothing that the application's
 * triggers compute depends on them, so they hold in an undo from the first statement to the last.
 */
const RUN_SETTINGS: Settings = {
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  // Of a serializable snapshot it would wait until no other transaction can disturb it.
  default_transaction_deferrable: 'off',
  // Warnings have to come: one of them says that a publication is missing (`isLostPublication`).
  client_min_messages: 'warning',
  // On, a refused statement ends the session, and we have several that may be refused.
  exit_on_error: 'off',
  // An undo looks for rows that policies hide (`row-hidden`); off would make it an error of all.
  row_security: 'on',
  // Temporary tables are updated, which other methods may not be able to.
  default_table_access_method: 'heap',
  // An undo analyses its temporary tables, and would pause as often as a background vacuum.
  vacuum_cost_delay: '0',
  // Above 0 an index of btree_gin gives some of the rows that are equal, at random.
  gin_fuzzy_search_limit: '0',
};

/**
 * Ways to find rows. None changes a result; but without a hash join the comparison of two large sets
 * takes their product, and joins in the order of their text are no better.
 */
const PLAN_SETTINGS: Settings = {
  enable_bitmapscan: 'on',
  enable_hashagg: 'on',
  enable_hashjoin: 'on',
  enable_indexscan: 'on',
  enable_mergejoin: 'on',
  enable_nestloop: 'on',
  enable_partition_pruning: 'on',
  enable_seqscan: 'on',
  enable_sort: 'on',
  enable_tidscan: 'on',
  from_collapse_limit: '8',
  join_collapse_limit: '8',
};

/**
 * Of capture's and as-of's own sessions. What they write is worth nothing on a standby; and waiting
 * for one that is away, they would hold up the question which changes are visible (invariant 4).
 */
const OWN_COMMITS: Settings = { synchronous_commit: 'local' };

/**
 * Our queries on the catalogue are estimated as large and are not: to compile one takes longer than to
 * run it, and there is one for each relation.
 */
const OWN_PLANS: Settings = { jit: 'off' };

/** A setting that nothing else knows: where it is, all that a session begins with has arrived. */
const ARRIVAL = 'tidings.session';

/**
 * The startup option that pins a session from its first moment.
 * @param firesTriggers true for the session of an undo: its texts are pinned by {@link UNDO_BEGIN},
 *   so that what they are set to without us stays the default that triggers get back.
 */
export function startupOptions(firesTriggers: boolean): string {
  const settings = {
    ...RUN_SETTINGS,
    ...PLAN_SETTINGS,
    ...(firesTriggers ? {} : { ...TEXT_SETTINGS, ...OWN_COMMITS, ...OWN_PLANS }),
  };
  return Object.entries({ ...settings, [ARRIVAL]: 'on' })
    .map(([name, value]) => `-c ${name}=${value.replaceAll(/[\\\s]/g, '\\$&')}`)
    .join(' ');
}

/**
 * Has the server hand over texts as the bytes that they are in the database. It converts nothing to
 * an encoding that says nothing of characters, and checks nothing.
 */
export const UNCONVERTED = `SET client_encoding = 'SQL_ASCII'`;

/**
 * What cannot be a startup option, because a server that is older than the setting would refuse the
 * connection. Each session runs it first.
 */
export const NEWER_SETTINGS = `SELECT pg_catalog.set_config('transaction_timeout', '0', false)
  WHERE pg_catalog.current_setting('transaction_timeout', true) OPERATOR(pg_catalog.<>) '0'`;

/**
 * Whether what the session begins with has reached the server. A pooler may be told to pass over startup
 * options (`ignore_startup_parameters`), and then nothing is pinned.
 */
export const HAS_ARRIVED = `SELECT pg_catalog.current_setting('${ARRIVAL}', true) AS "arrived"`;

/**
 * Begins an undo. Waiting for a lock is bounded, so that an undo does not queue before everybody
 * else's statements for ever; computing is not, because a large undo takes its time. A commit that
 * is told as done is on disk; whether it also waits for a standby is the database's to say. The last
 * statement says what `UndoConnection.open` has to look at.
 */
export const UNDO_BEGIN = `
  SET temp_buffers = '64MB';
  BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
  ${setLocal(TEXT_SETTINGS)}
  SET LOCAL lock_timeout = '10s';
  SET LOCAL idle_in_transaction_session_timeout = '5min';
  SET LOCAL work_mem = '64MB';
  SET LOCAL jit = off;
  SET LOCAL default_statistics_target = 10;
  SET LOCAL client_min_messages = error;
  SELECT set_config('synchronous_commit', 'local', true) WHERE current_setting('synchronous_commit') = 'off';
  SELECT current_setting('session_replication_role') AS "replicationRole", current_user::text AS "role"`;

/**
 * Under `replica` no foreign key is checked and no trigger fires, so an undo would leave what no
 * other statement could. Only who has the right may set it, even to what it is: hence not always.
 */
export const AS_ORIGIN = 'SET LOCAL session_replication_role = origin';

/**
 * Begins a snapshot. Row security is off so that a policy makes the query fail: rows that it hides
 * would otherwise be missing without a word.
 */
export const SNAPSHOT_BEGIN = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
  SET LOCAL row_security = off`;

/** All but the search path: their names are looked for once that is pinned. */
const TEXT_NAMES = Object.keys(TEXT_SETTINGS)
  .filter((name) => name !== 'search_path')
  .map(quoteLiteral)
  .join(', ');

/**
 * Begins the transaction of a script, whose session is anybody's. What texts meant there is kept
 * aside, for {@link SCRIPT_OWN_SETTINGS}.
 */
export const SCRIPT_BEGIN = [
  'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;',
  `SELECT pg_catalog.set_config('tidings.search_path', pg_catalog.current_setting('search_path'), true);`,
  'SET LOCAL search_path = pg_catalog;',
  `SELECT count(set_config('tidings.' || name, setting, true))
  FROM pg_settings WHERE lower(name) IN (${TEXT_NAMES});`,
  setLocal({
    ...TEXT_SETTINGS,
    client_encoding: 'UTF8',
    statement_timeout: '0',
    lock_timeout: '10s',
    idle_in_transaction_session_timeout: '0',
    exit_on_error: 'off',
    row_security: 'on',
    default_table_access_method: 'heap',
    gin_fuzzy_search_limit: '0',
    ...PLAN_SETTINGS,
  }),
  `SELECT set_config('transaction_timeout', '0', true) WHERE current_setting('transaction_timeout', true) <> '0';`,
  `SELECT set_config('synchronous_commit', 'local', true) WHERE current_setting('synchronous_commit') = 'off';`,
  `SELECT set_config('session_replication_role', 'origin', true) WHERE current_setting('session_replication_role') <> 'origin';`,
].join('\n');

/** Gives the triggers what texts mean in the session that runs the script. */
export const SCRIPT_OWN_SETTINGS = `SELECT count(set_config(name, current_setting('tidings.' || name), true))
  FROM pg_settings WHERE lower(name) IN (${TEXT_NAMES});
SELECT set_config('search_path', current_setting('tidings.search_path'), true);`;

/** Has texts mean again what they mean to us. */
export const OUR_TEXTS = setLocal(TEXT_SETTINGS);

/** Has texts mean what they mean in any other session of the role. */
export const OWN_TEXTS = Object.keys(TEXT_SETTINGS)
  .map((name) => `SET LOCAL ${name} TO DEFAULT;`)
  .join('\n');

function setLocal(settings: Settings): string {
  return Object.entries(settings)
    .map(([name, value]) => `SET LOCAL ${name} = ${quoteLiteral(value)};`)
    .join('\n');
}
