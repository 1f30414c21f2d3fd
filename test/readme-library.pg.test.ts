/** The README's program, as it stands there: it says nothing, and ends on Ctrl-C. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { freshDatabase } from './support/postgres.ts';
import { until } from './support/until.ts';

const ROOT = join(import.meta.dirname, '..');

/** The block of TypeScript that follows a heading. */
function program(heading: string): string {
  const [, rest = ''] = readFileSync(join(ROOT, 'README.md'), 'utf8').split(heading);
  return /^```ts\n([^]*?)^```$/m.exec(rest)?.[1] ?? assert.fail(heading);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(
    `the README's program ends on ${signal}, and writes nothing`,
    { timeout: 60_000 },
    async () => {
      await using database = await freshDatabase();
      await database.client.query(
        'CREATE TABLE mail_users (dba int PRIMARY KEY, gid int, username text, quota_bytes bigint)',
      );
      const cwd = mkdtempSync(join(tmpdir(), 'tidings-readme-library-'));
      // The package as a program finds it; what Node.js runs are the sources of this checkout.
      mkdirSync(join(cwd, 'node_modules', 'tidings'), { recursive: true });
      writeFileSync(
        join(cwd, 'node_modules', 'tidings', 'package.json'),
        JSON.stringify({ name: 'tidings', type: 'module', exports: './index.js' }),
      );
      writeFileSync(
        join(cwd, 'node_modules', 'tidings', 'index.js'),
        `export * from ${JSON.stringify(join(ROOT, 'src', 'index.ts'))};`,
      );
      writeFileSync(join(cwd, 'package.json'), '{"type":"module"}');
      writeFileSync(join(cwd, 'program.ts'), program('**4. Or inside your program**'));
      const child = spawn(process.execPath, ['program.ts'], {
        cwd,
        env: { ...process.env, DATABASE_URL: database.url },
      });
      let said = '';
      child.stdout.on('data', (chunk) => (said += String(chunk)));
      child.stderr.on('data', (chunk) => (said += String(chunk)));
      const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
      await until(async () => {
        assert.equal(child.exitCode, null, said);
        const { rows } = await database.client.query(
          'SELECT 1 FROM pg_replication_slots WHERE active AND database = current_database()',
        );
        return rows.length > 0;
      }, 30_000);
      child.kill(signal);
      assert.deepEqual(await ended, [0, null], said);
      assert.equal(said, '');
      assert.ok(existsSync(join(cwd, '.tidings')));
      rmSync(cwd, { recursive: true });
    },
  );
}
