/** Handlers that a program names by their files, in packages of every kind. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = mkdtempSync(join(tmpdir(), 'tidings-handler-module-'));
after(() => rmSync(root, { recursive: true }));

const LIBRARY = JSON.stringify(join(import.meta.dirname, '..', '..', 'index.ts'));

const IMPORT = "import { told } from './told.ts';";
const MODULE = `${IMPORT}\nexport default { insert: () => told() };`;
const TYPED = `import type { TableHandler } from 'tidings';\n${IMPORT}\nexport default { insert: () => told() } satisfies TableHandler;`;
const COMMON = 'module.exports = { insert() {} };';
const HANDLERS: Readonly<Record<string, string>> = {
  'typed-module.ts': TYPED,
  'module.js': MODULE,
  'module.mjs': MODULE,
  'module.mts': TYPED,
  'common.cjs': COMMON,
  'common.cts': `import type { TableHandler } from 'tidings';\n${COMMON}`,
};
/** What only a package that is not `"type": "module"` may call so. */
const COMMON_HANDLERS: Readonly<Record<string, string>> = {
  'common.js': COMMON,
  'typed-common.ts': `import type { TableHandler } from 'tidings';\n${COMMON}`,
};

/** A program that makes the service with a subscription per handler, and says what happened. */
function program(handlers: readonly string[]): string {
  const subscriptions = Object.fromEntries(
    handlers.map((file, index) => [`s${index}`, { tables: ['a.b'], to: { handler: `./${file}` } }]),
  );
  const sources = { main: { url: 'postgresql://nobody@127.0.0.1:1/none' } };
  return `
    import { createTidings } from ${LIBRARY};
    await using tidings = await createTidings(${JSON.stringify({ sources, subscriptions })});
    console.log((await tidings.status()).subscriptions.length);`;
}

async function runIn(
  type: string | undefined,
  handlers: Readonly<Record<string, string>>,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const cwd = mkdtempSync(join(root, 'project-'));
  const files = {
    ...handlers,
    'package.json': JSON.stringify({ name: 'shop', type }),
    'told.ts': 'export const told = (): void => undefined;',
    'program.mjs': program(Object.keys(handlers)),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  return await run(process.execPath, ['program.mjs'], { cwd });
}

for (const type of ['commonjs', 'module', undefined]) {
  test(`a program's handlers load in a package of type ${type}, and nothing is said`, async () => {
    const handlers = type === 'module' ? HANDLERS : { ...HANDLERS, ...COMMON_HANDLERS };
    assert.deepEqual(await runIn(type, handlers), {
      stdout: `${Object.keys(handlers).length}\n`,
      stderr: '',
    });
  });
}

test('a handler that does not parse is told with its place', async () => {
  const failed = runIn('commonjs', { 'wrong.ts': `${MODULE}\nexport const = 1;` });
  await assert.rejects(failed, (error: { readonly stderr: string }) => {
    assert.match(error.stderr, /HANDLER_NOT_LOADED/);
    assert.match(error.stderr, /wrong\.ts, line 3, column 14:/);
    return true;
  });
});
