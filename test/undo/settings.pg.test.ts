/** What an undo refuses or pins because of settings, beside what `hostile-settings.pg.test.ts` sets all at once. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeImages } from '../../src/change/row-images.ts';
import type { StoredChange } from '../../src/change/stored-change.ts';
import { findBinaries } from '../../src/embedded/binaries.ts';
import { readAll } from '../../src/log/log.contract.ts';
import {
  type EmbeddedPostgres,
  removeEmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/embedded/embedded-postgres.ts';
import { requireKnownMoney } from '../../src/source/postgres/undo/known-money.ts';
import { all } from '../looking/fixture.ts';
import { undoFixture } from './fixture.ts';

const GERMAN = 'de_DE.UTF-8';

/** A server that knows a locale with another notation of money; null where none can be made. */
async function startGerman(): Promise<EmbeddedPostgres | null> {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-locale-'));
  chmodSync(folder, 0o755);
  const locales = join(folder, 'locales');
  mkdirSync(locales);
  try {
    const made = ['-i', 'de_DE', '-f', 'UTF-8', join(locales, GERMAN)];
    execFileSync('localedef', made, { stdio: 'ignore' });
  } catch {
    rmSync(folder, { recursive: true });
    return null; // Not on this system.
  }
  const { root, version } = findBinaries();
  mkdirSync(join(folder, 'bin'));
  for (const program of ['postgres', 'initdb']) {
    const path = join(folder, 'bin', program);
    writeFileSync(path, `#!/bin/sh\nLOCPATH='${locales}' exec '${root}/bin/${program}' "$@"\n`);
    chmodSync(path, 0o755);
  }
  const directory = join(folder, 'server');
  const server = await startEmbeddedPostgres({ directory, binaries: { root: folder, version } });
  return {
    url: server.url,
    pid: server.pid,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await removeEmbeddedPostgres(directory);
      rmSync(folder, { recursive: true });
    },
  };
}

test('money is the same amount whatever lc_monetary was and is', async (context) => {
  await using server = await startGerman();
  if (server === null) {
    context.skip('localedef makes no locale here');
    return;
  }
  await using at = await undoFixture(
    `CREATE TABLE t (id money PRIMARY KEY, v money, many money[]);
     ALTER TABLE t REPLICA IDENTITY FULL;
     INSERT INTO t VALUES (1234.56, -0.05, ARRAY[1::money, NULL, 1234567.89::numeric::money])`,
    {
      server: server.url,
      async prepare({ client, name }) {
        await client.query(`ALTER DATABASE ${name} SET lc_monetary = '${GERMAN}'`);
      },
    },
  );
  const { client, name } = at.database;
  const before = await at.rows('SELECT * FROM t');
  const transaction = await at.change('DELETE FROM t');
  const records = await readAll(at.log);
  assert.deepEqual(
    records.map(({ key }) => key),
    ['$1,234.56'],
  );
  await client.query(`ALTER DATABASE ${name} RESET lc_monetary`);
  await at.apply({ transaction });
  assert.deepEqual(await at.rows('SELECT * FROM t'), before);

  await client.query(`ALTER DATABASE ${name} SET lc_monetary = '${GERMAN}'`);
  const again = await at.change('UPDATE t SET v = 7');
  const plan = await at.plan({ transaction: again });
  const script = (await all(at.undo.undoScript(plan, {}, at.signal))).join('');
  const session = await at.database.connect();
  await session.query(script);
  assert.deepEqual(await at.rows('SELECT * FROM t'), before);
});

test('money of a log from before the notation was fixed is refused unless it can be no other', () => {
  const column = (type: string) =>
    ({ name: 'v', type, kind: 'text', array: type.endsWith('[]') }) as const;
  const change = (type: string, text: string): StoredChange => ({
    offset: 7,
    table: {
      schema: 'public',
      name: 't',
      columns: [column(type)],
      key: [],
      identity: 'full',
      dialect: 'postgres',
    },
    operation: 'delete',
    key: null,
    previousKey: null,
    images: encodeImages({ before: { kind: 'old', cells: [text] }, after: null }),
    transaction: { first: 7, last: 7, id: '1', position: '', committedAt: 0, context: null },
  });
  for (const text of ['$1,234.56', '-$0.05', '$92,233,720,368,547,758.07', '$7.00']) {
    requireKnownMoney(change('money', text));
    requireKnownMoney(change('money[]', `{NULL,"${text}"}`));
    requireKnownMoney(change('money[]', `[0:0][-1:-1]={{"${text}"}}`));
    requireKnownMoney(change('text', '1.234,56 €'));
  }
  for (const text of ['1.234,56 €', '$1.234', '$ 1,56', '$1,56', '1.00', '¥1,234', '-1,00 €']) {
    const expected = { code: 'UNDO_MONEY_UNKNOWN' };
    assert.throws(() => requireKnownMoney(change('money', text)), expected, text);
    assert.throws(() => requireKnownMoney(change('money[]', `{"${text}"}`)), expected, text);
  }
});

test('a role whose sessions leave out foreign keys and triggers is told how to get out of it', async () => {
  await using at = await undoFixture(
    'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)',
    {
      async prepare({ client, name }) {
        await client.query(
          `CREATE ROLE "${name} r" LOGIN PASSWORD 'r'; GRANT SELECT, INSERT, UPDATE, DELETE ON t TO "${name} r"`,
        );
        await client.query(`ALTER ROLE "${name} r" SET session_replication_role = replica`);
      },
      url(url) {
        const as = new URL(url);
        as.username = encodeURIComponent(`${as.pathname.slice(1)} r`);
        as.password = 'r';
        return as.href;
      },
    },
  );
  const { client, name } = at.database;
  try {
    const transaction = await at.change('INSERT INTO t VALUES (2)');
    const refused = await at.plan({ transaction }).then(
      () => null,
      (error: { code: string; hint: string }) => error,
    );
    assert.equal(refused?.code, 'UNDO_REPLICATION_ROLE');
    for (const statement of refused.hint.split(': ')[1]?.split(';') ?? [])
      await client.query(statement);
    const { total } = await at.apply({ transaction });
    assert.equal(total, 1);
  } finally {
    await client.query(`DROP OWNED BY "${name} r"; DROP ROLE "${name} r"`);
  }
});

test('in a database of another encoding names of any people come and go', async () => {
  const sql = `CREATE TABLE "Größe" (id text PRIMARY KEY, "Wert €" text); ALTER TABLE "Größe" REPLICA IDENTITY FULL;
    INSERT INTO "Größe" VALUES ('é', 'ž €'), ('ÿ', NULL)`;
  await using at = await undoFixture(sql, { encoding: 'WIN1252' });
  const before = await at.rows('SELECT * FROM "Größe"');
  const contextOf = async (id: string): Promise<unknown> => {
    const [transaction] = await at.log.transactionsById(id);
    return JSON.parse(transaction?.context ?? 'null');
  };
  const transaction = await at.change(
    `SELECT pg_logical_emit_message(true, 'tidings', '{"actor":"Zoë €"}'); DELETE FROM "Größe"`,
  );
  assert.deepEqual(await contextOf(transaction), { actor: 'Zoë €' });
  const actor = 'Łukasz 🌱';
  const { transaction: undone } = await at.apply({ transaction }, { actor });
  assert.deepEqual(await at.rows('SELECT * FROM "Größe"'), before);
  assert.equal(((await contextOf(undone ?? '')) as { actor?: string }).actor, actor);

  const again = await at.change('DELETE FROM "Größe"');
  const plan = await at.plan({ transaction: again });
  const script = (await all(at.undo.undoScript(plan, { actor }, at.signal))).join('');
  await (await at.database.connect()).query(script);
  assert.deepEqual(await at.rows('SELECT * FROM "Größe"'), before);
});
