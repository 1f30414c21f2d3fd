/** The packed package, installed elsewhere: the command and the library work from it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { rowTypesText } from '../src/app/row-types/row-types-text.ts';
import { blocks } from './docs/pages.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');

/** npm, and nothing of the npm that may have started the tests. */
const env = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('npm_package')),
  ),
  PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`,
};

test('npx tidings in the checkout', { timeout: 60_000 }, async () => {
  const { stdout } = await run('npx', ['tidings', '--version'], { cwd: root, env });
  assert.match(stdout, /^\d+\.\d+\.\d+/);
});

test('the tarball, installed elsewhere', { timeout: 180_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-package-'));
  const { stdout: packed } = await run('npm', ['pack', '--pack-destination', directory, '--json'], {
    cwd: root,
    env,
  });
  const [{ filename, files }] = JSON.parse(packed.slice(packed.indexOf('['))) as [
    { filename: string; files: { path: string }[] },
  ];
  const paths = files.map(({ path }) => path);
  assert.ok(
    paths.includes('bin/tidings.mjs') &&
      paths.includes('dist/index.js') &&
      paths.includes('dist/index.d.ts'),
  );
  assert.deepEqual(
    paths.filter((path) => /\.test\.|\.contract\.|\.bench\./.test(path)),
    [],
    'tests are not published',
  );

  writeFileSync(join(directory, 'package.json'), '{"name":"user","private":true,"type":"module"}');
  await run('npm', ['install', '--omit=optional', '--no-audit', '--no-fund', `./${filename}`], {
    cwd: directory,
    env,
  });
  const { stdout: version } = await run('npx', ['tidings', '--version'], { cwd: directory, env });
  assert.match(version, /^\d+\.\d+\.\d+/);
  const { stdout: help } = await run('npx', ['tidings', 'start', '--help'], {
    cwd: directory,
    env,
  });
  assert.match(help, /tidings start/);

  writeFileSync(
    join(directory, 'use.mjs'),
    `import { createTidings, defineConfig } from 'tidings';
     console.log(typeof createTidings, typeof defineConfig);`,
  );
  const { stdout: used } = await run(process.execPath, ['use.mjs'], { cwd: directory, env });
  assert.equal(used.trim(), 'function function');
  writeFileSync(
    join(directory, 'use.cjs'),
    `const { createTidings, defineConfig } = require('tidings');
     console.log(typeof createTidings, typeof defineConfig);`,
  );
  const { stdout: required } = await run(process.execPath, ['use.cjs'], { cwd: directory, env });
  assert.equal(required.trim(), 'function function');

  await checkPointers(directory);
  await checkTypes(directory);
  rmSync(directory, { recursive: true });
});

/** Every page that an error or a help text of the installed package names is there. */
async function checkPointers(directory: string): Promise<void> {
  const catalogue = join(directory, 'node_modules', 'tidings', 'dist', 'errors', 'catalogue.js');
  const { CATALOGUE } = (await import(catalogue)) as {
    CATALOGUE: Record<string, { hint: string }>;
  };
  const reference = readFileSync(join(root, 'docs', 'reference', 'cli.md'), 'utf8');
  const texts = [...Object.values(CATALOGUE).map(({ hint }) => hint), reference];
  const named = texts.flatMap((text) => text.match(/\bdocs\/[\w/-]+\.\w+/g) ?? []);
  assert.ok(named.length > 5);
  for (const pointer of new Set(named)) {
    assert.ok(existsSync(join(directory, 'node_modules', 'tidings', pointer)), pointer);
  }
  const { stdout } = await run('npx', ['tidings', 'find', '--help'], { cwd: directory, env });
  assert.match(stdout, /node_modules\/tidings\/docs\/guide\/filters\.md/);
  writeFileSync(join(directory, 'wrong.json'), '{"surces": {}}');
  const wrong = run('npx', ['tidings', 'doctor', '--config', 'wrong.json'], {
    cwd: directory,
    env,
  });
  await assert.rejects(wrong, (error: { stderr?: string }) => {
    assert.match(error.stderr ?? '', /node_modules\/tidings\/docs\/reference\/configuration\.md/);
    return true;
  });
}

/** A program with what `tidings types` writes. */
function writeTypedProgram(directory: string): void {
  const column = (name: string, ...types: readonly ('number' | 'string' | 'json')[]) => ({
    name,
    form: { types, array: name === 'tags' },
    nullable: false,
    leftOut: name === 'note',
    comment: null,
  });
  const columns = [
    column('id', 'number', 'string'),
    column('tags', 'json'),
    column('note', 'string'),
  ];
  // The package exports a type of this name itself.
  const table = { schema: 'public', name: 'change', comment: null, key: ['id'], columns };
  writeFileSync(
    join(directory, 'typed-tables.ts'),
    rowTypesText([table], { command: 'tidings types' }).text,
  );
  writeFileSync(
    join(directory, 'typed-program.ts'),
    `import type { Delivered, TableHandler, Tidings } from 'tidings';
import type { Change } from './typed-tables.js';
export const handler = {
  insert(row) { row.note.length; },
} satisfies TableHandler<Change>;
export type Row = Delivered<{ at: Date; id: string }, 'id'>;
export function register(tidings: Tidings): void {
  tidings.register('typed', 'public.change', handler);
  tidings.register('again', 'public.change', {
    columns: ['note'],
    insert(row) { row.note.length; },
    update(row) { row.note?.length; },
    // @ts-expect-error -- It is not among the columns.
    delete(row) { row.id; },
  });
}
`,
  );
}

/** The names in the blocks of the pages that are the reader's own. */
const OWN_NAMES = `import type { ConfigInput } from 'tidings';
declare global {
  const config: ConfigInput;
  const signal: AbortSignal;
  const user: { readonly email: string };
  const requestId: string;
}
`;

/** The TypeScript of README and the guide, as strict as it goes, however modules are found; JavaScript is parsed. */
async function checkTypes(directory: string): Promise<void> {
  const pasted = blocks('ts', 'js');
  assert.ok(pasted.length >= 16);
  const places = new Map<string, string>();
  for (const [index, { language, place, text }] of pasted.entries()) {
    const file = `block-${index}.${language}`;
    writeFileSync(join(directory, file), text);
    places.set(file, place);
  }
  writeTypedProgram(directory);
  writeFileSync(join(directory, 'own-names.ts'), OWN_NAMES);
  symlinkSync(
    join(root, 'node_modules', '@types', 'node'),
    join(directory, 'node_modules', '@types-node'),
  );
  for (const [moduleResolution, module] of [
    ['node16', 'node16'],
    ['nodenext', 'nodenext'],
    ['bundler', 'esnext'],
  ]) {
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      allowJs: true,
      noEmit: true,
      target: 'es2024',
      lib: ['es2024', 'esnext.disposable'],
      module,
      moduleResolution,
      types: [join(directory, 'node_modules', '@types-node')],
    };
    const settings = { compilerOptions, include: ['block-*', 'typed-*.ts', 'own-names.ts'] };
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(settings));
    const { stdout } = await run(join(root, 'node_modules', '.bin', 'tsc'), ['-p', '.'], {
      cwd: directory,
      env,
    }).catch((error: { stdout: string }) => error);
    const told = stdout.replaceAll(
      /^block-\d+\.[jt]s/gm,
      (file) => `${places.get(file)} (${file})`,
    );
    assert.equal(told, '', moduleResolution);
  }
}
