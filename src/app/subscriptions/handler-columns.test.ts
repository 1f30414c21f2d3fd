/** The columns that a handler's module names count as those of the configuration do. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createTidings } from '../create-tidings.ts';

const directory = mkdtempSync(join(tmpdir(), 'tidings-columns-'));
after(() => rmSync(directory, { recursive: true }));

test('the configuration wins over the module, and without both it is every column', async () => {
  const module = (name: string, columns: string): { readonly handler: string } => {
    const handler = join(directory, `${name}.mjs`);
    writeFileSync(handler, `export default { ${columns} insert() {} };`);
    return { handler };
  };
  const tables = ['public.mail_users'];
  await using tidings = await createTidings({
    dataDir: join(directory, 'data'),
    sources: { main: { url: 'postgresql://nobody@127.0.0.1:1/none' } },
    subscriptions: {
      module: { tables, to: module('module', "columns: ['dba'],") },
      both: { tables, columns: ['gid'], to: module('both', "columns: ['dba'],") },
      none: { tables, to: module('none', '') },
    },
  });
  const reports = await tidings.subscriptions();
  assert.deepEqual(
    reports.map(({ name, definition }) => [name, definition?.columns]),
    [
      ['both', ['gid']],
      ['module', ['dba']],
      ['none', null],
    ],
  );
});
