import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts';
import { freshDatabase, startTestServer } from './postgres.ts';
import { until } from './until.ts';

const FOLDER = join(import.meta.dirname, '../tls');

/** A server that encrypts; its url has clients check its certificate. */
export async function startTlsServer(): Promise<EmbeddedPostgres> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startTestServer());
  {
    await using admin = await freshDatabase(server.url);
    for (const file of ['server.crt', 'server.key']) {
      const lines = JSON.stringify(readFileSync(join(FOLDER, file), 'utf8').trim().split('\n'));
      // The server's own process writes it, so that it belongs to the server's user.
      await admin.client.query(
        `COPY (SELECT json_array_elements_text('${lines}')) TO PROGRAM 'umask 077; cat > ${file}'`,
      );
    }
    await admin.client.query('ALTER SYSTEM SET ssl = on');
    await admin.client.query('SELECT pg_reload_conf()');
    await until(async () => {
      const { rows } = await admin.client.query<{ ssl: string }>('SHOW ssl');
      return rows[0]?.ssl === 'on';
    });
  }
  const url = `${server.url}?sslmode=verify-full&sslrootcert=${encodeURIComponent(join(FOLDER, 'server.crt'))}`;
  const opened = stack.move();
  return { url, pid: server.pid, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
