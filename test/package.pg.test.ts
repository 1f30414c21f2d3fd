/** The packed package, installed elsewhere by each package manager: the command and the library work from it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { rowTypesText } from '../src/app/row-types/row-types-text.ts';
import { blocks } from './docs/pages.ts';
import { assertHears, ENOUGH } from './package-managers/hears.ts';
import {
  type Manager,
  NPM,
  PNPM,
  USER_ENV as env,
  UserProject,
  YARN,
  YARN_CLASSIC,
} from './package-managers/managers.ts';
import { freshDatabase, type TestDatabase } from './support/postgres.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'tidings-package-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** Once for all: packing makes `dist` anew. */
let packed: Packed = { filename: '', files: [] };
let tarball = '';
before(async () => {
  const command = ['pack', '--pack-destination', folder, '--json'];
  const { stdout } = await run('npm', command, { cwd: root, env });
  [packed] = JSON.parse(stdout.slice(stdout.indexOf('['))) as [Packed];
  tarball = join(folder, packed.filename);
});

test('npx tidings in the checkout', { timeout: 60_000 }, async () => {
  const { stdout } = await run('npx', ['tidings', '--version'], { cwd: root, env });
  assert.match(stdout, /^\d+\.\d+\.\d+/);
});

test('the tarball, installed elsewhere', { timeout: 180_000 }, async () => {
  const directory = join(folder, 'esm');
  mkdirSync(directory);
  const paths = packed.files.map(({ path }) => path);
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
  await run('npm', ['install', '--omit=optional', '--no-audit', '--no-fund', tarball], {
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
});

/** A folder as `npm init -y` leaves it, or with modules, and the package in it. */
async function userProject(name: string, manager: Manager, type: string): Promise<UserProject> {
  const directory = join(folder, name);
  mkdirSync(directory);
  const project = new UserProject(directory, manager);
  project.write({ 'package.json': JSON.stringify({ name, version: '1.0.0', type }) });
  const said = await project.add(tarball);
  assert.doesNotMatch(said, /unmet|incorrectly met|vulnerab|deprecated/i);
  const installed = await project.exec(['tidings', '--version']);
  assert.ok(installed.includes(readVersion()), installed);
  return project;
}

function readVersion(): string {
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string })
    .version;
}

async function tableOfOnesOwn(): Promise<TestDatabase> {
  const database = await freshDatabase();
  await database.client.query(
    'CREATE TABLE mail_users (dba int PRIMARY KEY, username text); ALTER TABLE mail_users REPLICA IDENTITY FULL',
  );
  return database;
}

/** `init`, `doctor`, a subscription for the handler, `start`: a row reaches it. */
async function followCommands(
  project: UserProject,
  config: string,
  handler: string,
): Promise<void> {
  await using database = await tableOfOnesOwn();
  const url = { DATABASE_URL: database.url };
  const next = await project.exec(['tidings', 'init', '--config', config]);
  assert.match(next, /tidings doctor/);
  await project.exec(['tidings', 'doctor'], url);
  const written = readFileSync(join(project.directory, config), 'utf8');
  const subscription = `crm: { tables: ['public.mail_users'], to: { handler: './${handler}' } },`;
  project.write({ [config]: written.replace(/\/\/ crm: .*/, subscription) });
  await assertHears(project, database, ['tidings', 'start']);
}

/** An error names a page as a file that is there. */
async function checkPointer(project: UserProject, expected: RegExp): Promise<void> {
  project.write({ 'wrong.json': '{"surces": {}}' });
  const wrong = project.exec(['tidings', 'doctor', '--config', 'wrong.json']);
  await assert.rejects(wrong, (error: { stderr?: string }) => {
    const [page = ''] = /\S+configuration\.md/.exec(error.stderr ?? '') ?? [];
    assert.match(page, expected);
    assert.ok(existsSync(join(project.directory, page)), page);
    return true;
  });
}

const INSERT = 'insert(row) { console.log(`Welcome, ${row.username}!`); }';
const TYPED = `import type { TableHandler } from 'tidings';
export default { ${INSERT} } satisfies TableHandler;`;
const PROGRAM = readmeProgram().replace(
  'async insert(row, change) {}',
  'async insert(row) { console.log(`Welcome, ${row.username}!`); }',
);

/** The README's program, whose columns are more than the table here has. */
function readmeProgram(): string {
  const [, rest = ''] = readFileSync(join(root, 'README.md'), 'utf8').split('**4. Or inside');
  return /^```ts\n([^]*?)^```$/m.exec(rest)?.[1]?.replace(/ {2}columns: .*\n/, '') ?? '';
}

describe('a change reaches the handler', { concurrency: true, timeout: ENOUGH }, () => {
  test('npm: TypeScript in a package of CommonJS, as npm init leaves it', async () => {
    const project = await userProject('npm', NPM, 'commonjs');
    project.write({ 'welcome.ts': TYPED });
    await followCommands(project, 'tidings.config.ts', 'welcome.ts');
  });

  test('pnpm: a program in TypeScript, which tsc --strict is content with', async () => {
    await using database = await tableOfOnesOwn();
    const project = await userProject('pnpm', PNPM, 'module');
    project.write({ 'app.mts': PROGRAM });
    await checkProgram(project.directory);
    await assertHears(project, database, ['node', 'app.mts']);
    await checkPointer(project, /^node_modules\/tidings\/docs/);
  });

  test('Yarn 1: JavaScript in CommonJS', async () => {
    const project = await userProject('yarn-1', YARN_CLASSIC, 'commonjs');
    project.write({ 'welcome.js': `module.exports = { ${INSERT} };` });
    await followCommands(project, 'tidings.config.cjs', 'welcome.js');
    await checkPointer(project, /^node_modules\/tidings\/docs/);
  });

  // With `nodeLinker: node-modules` tsc finds what it finds in the flat folder of npm, see `checkTypes`.
  test("Yarn 4, Plug'n'Play: JavaScript modules that import TypeScript", async () => {
    const project = await userProject('yarn-4', YARN, 'commonjs');
    project.write({
      'welcome.js': `import { told } from './told.ts';\nexport default { insert: (row) => told(row) };`,
      'told.ts':
        'export const told = (row: { username: string }): void => console.log(`Welcome, ${row.username}!`);',
      'program.mjs': "import { createTidings } from 'tidings';\nconsole.log(typeof createTidings);",
    });
    await followCommands(project, 'tidings.config.js', 'welcome.js');
    assert.match(await project.exec(['node', 'program.mjs']), /function/);
    await checkPointer(project, /^\.yarn\/unplugged\/tidings-.*\/docs/);
  });
});

async function checkProgram(directory: string): Promise<void> {
  const types = join(root, 'node_modules', '@types', 'node');
  const { stdout } = await run(
    join(root, 'node_modules', '.bin', 'tsc'),
    ['--strict', '--noEmit', '--module', 'nodenext', '--types', types, 'app.mts'],
    { cwd: directory, env },
  ).catch((error: { stdout: string }) => error);
  assert.equal(stdout, '');
}

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
