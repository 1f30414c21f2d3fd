/** What a real PgBouncer in front of the database does to Tidings: refused as what it is, whatever it says. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import pg from 'pg';
import { createTidings } from '../src/app/create-tidings.ts';
import { openInspection } from '../src/app/inspection/inspect.ts';
import { openLooking } from '../src/app/looking/open-looking.ts';
import { openUndo } from '../src/app/undo.ts';
import { defineConfig } from '../src/config/define-config.ts';
import { isTidingsError, type TidingsError } from '../src/errors/tidings-error.ts';
import { connect } from '../src/source/postgres/connection/connect.ts';
import {
  hasPgBouncer,
  needsPgBouncer,
  type PgBouncer,
  startPgBouncer,
} from './support/pgbouncer.ts';
import { type UndoFixture, undoFixture } from './undo/fixture.ts';

const MODES = ['transaction', 'session', 'statement'] as const;
const POOLS = {
  ...Object.fromEntries(MODES.map((mode) => [mode, `pool_mode=${mode}`])),
  full: 'pool_mode=session pool_size=1',
  away: 'port=1',
  gone: 'dbname=nowhere',
  refused: 'user=nobody_here password=wrong',
};

const opened = new AsyncDisposableStack();
after(() => opened.disposeAsync());

let at: UndoFixture;
/** As it is after installing. */
let plain: PgBouncer;
/** It passes over what our sessions begin with, so that they get as far as the database behind it. */
let lenient: PgBouncer;

before(async () => {
  if (!hasPgBouncer()) return;
  at = opened.use(
    await undoFixture(
      `CREATE TABLE t (id int PRIMARY KEY, v text); ALTER TABLE t REPLICA IDENTITY FULL`,
    ),
  );
  plain = opened.use(await startPgBouncer(at.database.url, POOLS));
  const passedOver = 'options,replication,extra_float_digits';
  lenient = opened.use(
    await startPgBouncer(at.database.url, POOLS, { ignore_startup_parameters: passedOver }),
  );
});

function pooled(name: string, run: (context: TestContext) => Promise<void>): void {
  test(name, async (context) => {
    if (needsPgBouncer(context)) await run(context);
  });
}

async function failure(url: string): Promise<TidingsError> {
  const answer = await connect({ source: 'main', url }).catch((error: unknown) => error);
  assert.ok(isTidingsError(answer), String(answer));
  return answer;
}

function isPooled(error: TidingsError, said: RegExp): void {
  assert.equal(error.code, 'SOURCE_POOLED', error.message);
  assert.equal(error.retryable, false);
  assert.match(error.message, said);
  assert.match(error.hint, /the server's own host and port/);
}

pooled('capture through it is refused in every mode, and not tried again', async () => {
  for (const mode of MODES) {
    isPooled(await failure(plain.url(mode)), /startup parameter/);
    // From 1.24 on its replication connections go through; a source needs the other kind as well.
    const dataDir = `${at.directory}/${mode}`;
    const sources = { main: { url: plain.url(mode), tables: ['public.*'] } };
    await using tidings = await createTidings(defineConfig({ dataDir, sources }));
    const refused = await tidings.start().catch((error: unknown) => error);
    assert.ok(isTidingsError(refused), String(refused));
    isPooled(refused, /startup parameter/);
    isPooled(await failure(lenient.url(mode)), /do not reach the server/);
  }
});

pooled('whatever it says of itself or of the database behind it', async () => {
  const holder = new pg.Client({ connectionString: lenient.url('full') });
  await holder.connect();
  try {
    await holder.query('SELECT 1');
    const wrong = new URL(lenient.url('session'));
    wrong.password = 'h0rse-battery';
    const said: readonly (readonly [string, RegExp])[] = [
      [lenient.url('full'), /query_wait_timeout/],
      [lenient.url('away'), /query_wait_timeout|connect/],
      [lenient.url('unknown'), /no such database/],
      [wrong.href, /authentication failed/],
    ];
    for (const [url, message] of said) {
      const error = await failure(url);
      isPooled(error, message);
      assert.doesNotMatch(`${error.message} ${error.hint}`, /h0rse-battery/);
    }
    // Newer ones hand on the server's own code, and then it is told as if the server had said it.
    const behind: readonly (readonly [string, RegExp])[] = [
      [lenient.url('gone'), /"nowhere" does not exist/],
      [lenient.url('refused'), /password authentication failed/],
    ];
    for (const [url, message] of behind) {
      const error = await failure(url);
      assert.ok(['SOURCE_POOLED', 'SOURCE_LOGIN_REFUSED'].includes(error.code), error.message);
      assert.equal(error.retryable, false);
      assert.match(error.message, message);
    }
  } finally {
    await holder.end();
  }
});

pooled('when it takes no more clients', async () => {
  const settings = { ignore_startup_parameters: 'options', max_client_conn: '0' };
  using full = await startPgBouncer(at.database.url, POOLS, settings);
  isPooled(await failure(full.url('session')), /no more connections allowed/);
});

pooled('what asks the database is refused, and what only reads the log is not', async () => {
  const transaction = await at.change(`INSERT INTO t VALUES (1, 'one')`);
  const url = lenient.url('session');
  const dataDir = `${at.directory}/data`;
  const config = defineConfig({ dataDir, sources: { main: { url, tables: ['public.*'] } } });
  await using inspection = await openInspection(config);
  const subjects = await inspection.check(at.signal);
  const failed = subjects
    .flatMap(({ checks }) => checks)
    .filter(({ status }) => status === 'failed');
  assert.match(JSON.stringify(failed), /a connection pooler answers/);
  await using undo = openUndo(config);
  await assert.rejects(undo.planUndo({ transaction }, {}, at.signal), { code: 'SOURCE_POOLED' });
  await using looking = await openLooking(config);
  const past = looking.table({ table: 'public.t', asOf: { offset: 0 } }, at.signal);
  await assert.rejects(past, { code: 'SOURCE_POOLED' });
  assert.ok((await looking.show({ source: 'main', target: transaction }, at.signal)) !== null);
});

pooled(
  'the script of an undo runs through it, in statement mode only when it is sent as one',
  async () => {
    const scriptOf = async (transaction: string): Promise<string> => {
      let script = '';
      const plan = await at.plan({ transaction });
      for await (const piece of at.undo.undoScript(plan, {}, at.signal)) script += piece;
      return script;
    };
    const runThrough = async (mode: string, script: string): Promise<void> => {
      const client = new pg.Client({ connectionString: plain.url(mode) });
      client.on('error', () => undefined); // In statement mode PgBouncer ends the session.
      await client.connect();
      try {
        await client.query(script);
      } finally {
        await client.end();
      }
    };
    for (const [index, mode] of MODES.entries()) {
      const script = await scriptOf(await at.change(`INSERT INTO t VALUES (${10 + index}, 'new')`));
      await runThrough(mode, script);
      assert.deepEqual(await at.rows('SELECT id FROM t WHERE id >= 10'), [], mode);
    }
    // As psql has it: statement by statement.
    await assert.rejects(runThrough('statement', 'BEGIN'), /statement pooling mode/);
  },
);
