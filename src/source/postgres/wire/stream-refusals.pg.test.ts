import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createSlot, openStream } from '../../../../test/support/captured-stream.ts';
import {
  freshDatabase,
  MAJORS,
  startTestServer,
  type TestDatabase,
} from '../../../../test/support/postgres.ts';
import { isTidingsError } from '../../../errors/tidings-error.ts';

for (const major of MAJORS)
  describe(`refusals of PostgreSQL ${major}`, () => {
    const endOf = async (
      database: TestDatabase,
      options: Parameters<typeof openStream>[1],
    ): Promise<unknown> => (await openStream(database, options)).end;

    test('a slot that somebody reads', async () => {
      await using database = await freshDatabase(major);
      await createSlot(database);
      await using stream = await openStream(database);
      await stream.caughtUp();
      const error = await endOf(database, {});
      assert.ok(isTidingsError(error, 'SLOT_IN_USE'), String(error));
      assert.match(error.message, /PID \d+/);
    });

    test('a slot that is not there', async () => {
      await using database = await freshDatabase(major);
      const error = await endOf(database, { slot: 'no_such_slot' });
      assert.ok(isTidingsError(error, 'SLOT_MISSING'), String(error));
    });

    test('a publication that is not there', async () => {
      await using database = await freshDatabase(major);
      await createSlot(database);
      await database.client.query('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)');
      const error = await endOf(database, { publications: ['tidings', 'no_such_publication'] });
      assert.ok(isTidingsError(error, 'PUBLICATION_LOST'), String(error));
      assert.match(error.message, /no_such_publication/);
    });

    test('a slot that it gave up', async () => {
      await using server = await startTestServer(major, { max_slot_wal_keep_size: '1MB' });
      await using database = await freshDatabase(server.url);
      await createSlot(database);
      await database.client.query('CREATE TABLE t (id int)');
      for (let segment = 0; segment < 4; segment++) {
        await database.client.query('INSERT INTO t VALUES (1)');
        await database.client.query('SELECT pg_switch_wal()');
      }
      await database.client.query('CHECKPOINT');
      const error = await endOf(database, {});
      assert.ok(isTidingsError(error, 'SLOT_INVALIDATED'), String(error));
    });

    test('a role that may not replicate', async () => {
      await using database = await freshDatabase(major);
      await createSlot(database);
      const role = `plain_${database.name}`;
      await database.client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
      try {
        const url = new URL(database.url);
        url.username = role;
        url.password = 'x';
        const error = await endOf(database, { url: url.href });
        assert.ok(isTidingsError(error, 'SOURCE_LOGIN_REFUSED'), String(error));
      } finally {
        await database.client.query(`DROP ROLE ${role}`);
      }
    });
  });
