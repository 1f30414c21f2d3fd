/** Row security whose policies find what they name where the role does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { undoFixture } from './fixture.ts';

test('policies whose functions need the search path: compared, forced, shown and put back', async () => {
  const role = `undo_policies_${process.pid}`;
  await using at = await undoFixture(
    `CREATE ROLE ${role} LOGIN PASSWORD 'secret';
    CREATE TABLE members (name text); INSERT INTO members VALUES ('${role}');
    CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE c (id int PRIMARY KEY, t int REFERENCES t);
    CREATE TABLE bag (v int);
    CREATE FUNCTION is_member() RETURNS boolean STABLE LANGUAGE plpgsql AS $$ BEGIN
      RETURN EXISTS (SELECT FROM members WHERE name = current_user); END $$;
    ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON t USING (is_member());
    ALTER TABLE c ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON c USING (is_member());
    ALTER TABLE bag ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON bag USING (is_member());
    ALTER TABLE t REPLICA IDENTITY FULL; ALTER TABLE c REPLICA IDENTITY FULL; ALTER TABLE bag REPLICA IDENTITY FULL;
    GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role};
    INSERT INTO t VALUES (1, 'a'), (2, 'b'); INSERT INTO c VALUES (1, 1); INSERT INTO bag VALUES (1), (1)`,
    {
      url: (url) => {
        const own = new URL(url);
        own.username = role;
        own.password = 'secret';
        return own.href;
      },
    },
  );
  const { client } = at.database;
  try {
    const all = `SELECT 't', t::text FROM t UNION ALL SELECT 'c', c::text FROM c UNION ALL SELECT 'b', bag::text FROM bag ORDER BY 1, 2`;
    const before = await at.rows(all);
    const first = await at.change(
      `UPDATE t SET v = 'x'; DELETE FROM c; UPDATE bag SET v = 2 WHERE ctid = '(0,1)'`,
    );
    const result = await at.apply({ transaction: first });
    assert.deepEqual([result.applied, result.conflicts.byReason], [true, {}]);
    assert.deepEqual(await at.rows(all), before);
    const again = await at.change(`UPDATE t SET v = 'y'`);
    await at.change(`UPDATE t SET v = 'later' WHERE id = 1`);
    const forced = await at.apply({ transaction: again }, { onConflict: 'force' });
    assert.deepEqual([forced.applied, forced.forced], [true, 1]);
    assert.deepEqual(await at.rows(all), before);
  } finally {
    await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});
