import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { TidingsError } from '../errors/tidings-error.ts';
import { type LoadedConfig, loadConfig, type LoadOptions } from './load-config.ts';

const root = mkdtempSync(join(tmpdir(), 'tidings-config-'));
after(() => rmSync(root, { recursive: true }));

const URL = 'postgresql://ann:geheim@db/shop';
let directories = 0;

/** A new directory with these files. */
function directoryWith(files: Readonly<Record<string, string>>): string {
  directories += 1;
  const directory = join(root, String(directories));
  mkdirSync(directory);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

function load(
  files: Readonly<Record<string, string>>,
  options: Partial<LoadOptions> = {},
): Promise<LoadedConfig> {
  return loadConfig({ env: {}, cwd: directoryWith(files), ...options });
}

async function complaint(
  files: Readonly<Record<string, string>>,
  options: Partial<LoadOptions> = {},
): Promise<string> {
  try {
    await load(files, options);
  } catch (error) {
    assert.ok(error instanceof TidingsError, String(error));
    assert.equal(error.exit, 64);
    assert.doesNotMatch(error.message, /^ +at .*:\d+:\d+/m, 'no stack');
    assert.ok(!error.message.includes('geheim'), 'the password is not shown');
    return `${error.code}: ${error.message}`;
  }
  return 'accepted';
}

const MINIMAL = { sources: { main: { url: URL } } };

test('a file is found by its name', async () => {
  const forms = {
    'tidings.config.ts': `const url: string = '${URL}';\nexport default { sources: { main: { url } } };`,
    'tidings.config.js': `export default ${JSON.stringify(MINIMAL)};`,
    'tidings.config.json': JSON.stringify(MINIMAL),
  };
  for (const [name, text] of Object.entries(forms)) {
    const directory = directoryWith({ [name]: text });
    const { config, file } = await loadConfig({ env: {}, cwd: directory });
    assert.equal(file, join(directory, name));
    assert.equal(config.sources['main']?.url, URL);
    assert.equal(config.dataDir, join(directory, '.tidings'));
  }
});

test('--config and TIDINGS_CONFIG name a file; its paths start where it lies', async () => {
  const text = JSON.stringify({
    ...MINIMAL,
    subscriptions: { crm: { tables: ['public.a'], to: { handler: 'crm.ts' } } },
  });
  const cwd = directoryWith({ 'conf/shop.json': text });
  for (const options of [
    { path: 'conf/shop.json' },
    { env: { TIDINGS_CONFIG: 'conf/shop.json' } },
  ]) {
    const { config, file } = await loadConfig({ env: {}, cwd, ...options });
    assert.equal(file, join(cwd, 'conf/shop.json'));
    assert.equal(config.dataDir, join(cwd, 'conf/.tidings'));
    assert.deepEqual(config.subscriptions['crm']?.to, { handler: join(cwd, 'conf/crm.ts') });
  }
});

test('without a file DATABASE_URL makes source main; without both there is no source', async () => {
  const { config, file } = await load({}, { env: { DATABASE_URL: URL } });
  assert.equal(file, null);
  assert.deepEqual(config.sources, { main: { url: URL, capture: 'wal', tables: ['public.*'] } });
  for (const env of [{}, { DATABASE_URL: '' }]) {
    assert.deepEqual((await load({}, { env })).config.sources, {});
  }
});

test('DATABASE_URL stands in where source main has no address, and nowhere else', async () => {
  const env = { DATABASE_URL: 'postgresql://other/db' };
  const urls = async (sources: object): Promise<unknown> => {
    const files = { 'tidings.config.json': JSON.stringify({ sources }) };
    const { config } = await load(files, { env });
    return Object.entries(config.sources).map(([name, { url }]) => [name, url]);
  };
  assert.deepEqual(await urls({ main: { tables: ['a.*'] } }), [['main', env.DATABASE_URL]]);
  assert.deepEqual(await urls({ main: { url: URL } }), [['main', URL]]);
  assert.deepEqual(await urls({ shop: { url: URL } }), [['shop', URL]]);
});

test('a flag wins over a variable, that over the file, that over the default', async () => {
  const files = {
    'tidings.config.json': JSON.stringify({ ...MINIMAL, dataDir: 'a', logLevel: 'warn' }),
  };
  const cwd = directoryWith(files);
  const env = { TIDINGS_DATA_DIR: 'b', TIDINGS_LOG_RETENTION_HARD: 'true', TIDINGS_LOG_LEVEL: '' };
  const flags = { dataDir: 'c' };
  assert.equal((await loadConfig({ env: {}, cwd })).config.dataDir, join(cwd, 'a'));
  assert.equal((await loadConfig({ env, cwd, flags })).config.dataDir, join(cwd, 'c'));
  const { config } = await loadConfig({ env, cwd });
  assert.equal(config.dataDir, join(cwd, 'b'));
  assert.equal(config.logLevel, 'warn', 'an empty variable is no value');
  assert.equal(config.log.retention.hard, true);
  assert.equal(config.log.retention.maxAge, 30 * 86_400_000);
});

test('a bad value is told with where it came from', async () => {
  const env = { TIDINGS_LOG_LEVEL: 'loud' };
  const levels = 'and has to be trace, debug, info, warn, error or silent.';
  assert.equal(
    await complaint({}, { env }),
    `CONFIG_INVALID: environment variable TIDINGS_LOG_LEVEL: logLevel is "loud", ${levels}`,
  );
  assert.equal(
    await complaint({}, { flags: { logLevel: 'loud' } }),
    `CONFIG_INVALID: option --log-level: logLevel is "loud", ${levels}`,
  );
  assert.equal(
    await complaint({}, { env: { DATABASE_URL: 'ftp://ann:geheim@db' } }),
    'CONFIG_INVALID: environment variable DATABASE_URL: sources.main.url begins with ftp://, and has to begin with postgresql://.',
  );
  assert.equal(
    await complaint({ 'tidings.config.json': '{"logLevel": "loud"}' }),
    `CONFIG_INVALID: tidings.config.json, line 1: logLevel is "loud", ${levels}`,
  );
});

test('a bad value is told with the line that it is written on', async () => {
  const lines = ["sources: { main: { url: 'ftp://ann:geheim@db' } },", 'logLevel: 7,', 'lgo: {},'];
  const body = `{\n${lines.join('\n')}\n}`;
  const told = `has 3 problems:
  - line 3: logLevel is 7, and has to be trace, debug, info, warn, error or silent.
  - line 2: sources.main.url begins with ftp://, and has to begin with postgresql://.
  - line 4: there is no option lgo. Did you mean log?`;
  const text = `export default ${body};`;
  const shifted = told.replace(/line (\d)/g, (_, line: string) => `line ${Number(line) + 1}`);
  const import_ = "import { defineConfig } from 'tidings';\n";
  const files = {
    'tidings.config.mjs': [text, told],
    'tidings.config.cjs': [`module.exports = ${body};`, told],
    'tidings.config.ts': [`${import_}export default defineConfig(${body});`, shifted],
    'tidings.config.js': [
      `const made = ${body};\nexport default { ...made };`,
      told.replace(/line \d: /g, ''),
    ],
  };
  for (const [name, [written = '', expected = '']] of Object.entries(files)) {
    assert.equal(await complaint({ [name]: written }), `CONFIG_PROBLEMS: ${name} ${expected}`);
  }
});

test('what is wrong together, and what .env says, is told with its line', async () => {
  const crm = { tables: ['a.b'], to: { handler: './a.ts' } };
  const config = { ...MINIMAL, subscriptions: { crm: { ...crm, source: 'mian' } } };
  assert.match(
    await complaint({ 'tidings.config.json': JSON.stringify(config, null, 2) }),
    /^CONFIG_SOURCE_UNKNOWN: tidings\.config\.json, line 15: subscriptions\.crm\.source names a source mian/,
  );
  const env = '# levels\nTIDINGS_LOG_LEVEL=info\nTIDINGS_LOG_LEVEL=loud\n';
  assert.match(
    await complaint({ '.env': env }),
    /^CONFIG_INVALID: \.env, line 3, TIDINGS_LOG_LEVEL: logLevel is "loud"/,
  );
  assert.match(
    await complaint({ '.env': env }, { env: { TIDINGS_LOG_LEVEL: 'lout' } }),
    /^CONFIG_INVALID: environment variable TIDINGS_LOG_LEVEL: logLevel is "lout"/,
  );
});

test('a line of .env that names a variable of ours and sets nothing', async () => {
  const env = `A=1\nDATABASE_URL: ${URL}\n`;
  const told =
    'ENV_FILE_LINE: .env, line 2 names DATABASE_URL and sets nothing: behind the name has to be an =.';
  assert.equal(await complaint({ '.env': env }), told);
  const elsewhere = { env: { DATABASE_URL: URL } };
  assert.equal(await complaint({ '.env': env }, elsewhere), 'accepted', 'nobody needs that line');
  const marked = await load({ '.env': `\uFEFFDATABASE_URL=${URL}\n` });
  assert.equal(marked.config.sources['main']?.url, URL, 'a byte order mark');
});

test('a file that is not there, or there twice', async () => {
  assert.equal(
    await complaint({}, { path: 'shop.config.ts' }),
    'CONFIG_MISSING: There is no configuration file shop.config.ts.',
  );
  const cwd = directoryWith({ 'tidings.config.ts': '', 'tidings.config.json': '{}' });
  assert.equal(
    await complaint({}, { cwd }),
    `CONFIG_AMBIGUOUS: ${cwd} has more than one configuration file: tidings.config.ts, tidings.config.json.`,
  );
});

test('a file that cannot be read as what it is: place and line, and no stack', async () => {
  const json = '{\n  "sources": {\n    "main": {},\n    "main": {}\n  }\n}';
  assert.equal(
    await complaint({ 'tidings.config.json': json }),
    `CONFIG_SYNTAX: tidings.config.json is not valid JSON at line 4, column 5: "main" is there a second time.
        "main": {}
        ^`,
  );
  assert.equal(
    await complaint({ 'tidings.config.json': '{"sources": {},}' }),
    `CONFIG_SYNTAX: tidings.config.json is not valid JSON at line 1, column 16: no comma may stand after the last entry.
    {"sources": {},}
                   ^`,
  );
  assert.match(
    await complaint({ 'tidings.config.ts': '\nexport default {;' }),
    /^CONFIG_NOT_LOADED: tidings\.config\.ts could not be loaded: SyntaxError: [^\n]*\n  at \S*tidings\.config\.ts, line 2, column 17:\n    export default \{;\n {20}\^$/,
  );
  assert.match(
    await complaint({ 'tidings.config.cjs': 'module.exports = {\n\ta: 1,,\n};' }),
    /SyntaxError: Unexpected token ','\n  at \S*tidings\.config\.cjs, line 2, column 7:\n    \ta: 1,,\n    \t     \^$/,
  );
  assert.match(
    await complaint({
      'tidings.config.ts': "\n\nthrow new Error('no vault');\nexport default {};",
    }),
    /could not be loaded: Error: no vault\n  at \S*tidings\.config\.ts, line 3, column 7:\n    throw new Error\('no vault'\);\n {10}\^$/,
  );
  assert.match(
    await complaint({
      'tidings.config.ts': "import { url } from './shared.ts';\nexport default { url };",
      'shared.ts': 'const none = null;\nexport const url = none.at;',
    }),
    /TypeError: Cannot read .*\n  at \S*shared\.ts, line 2, column 25:\n/,
    'the place is in the file that is wrong',
  );
  assert.match(
    await complaint({ 'tidings.config.ts': "import './gone.ts';\nexport default {};" }),
    /^CONFIG_NOT_LOADED: tidings\.config\.ts could not be loaded: Error: Cannot find module '.*gone\.ts'/,
  );
  assert.equal(
    await complaint({ 'tidings.config.ts': 'export const config = {};' }),
    'CONFIG_NOT_LOADED: tidings.config.ts could not be loaded: it has no default export.',
  );
  assert.match(
    await complaint({ 'tidings.config.json/x': '' }),
    /^CONFIG_NOT_LOADED: tidings\.config\.json could not be loaded: EISDIR/,
  );
});

test('the line that is shown gives no secret away, and keeps its columns', async () => {
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const said = await complaint({
    'tidings.config.js': `export default { secret: '${secret}',, };`,
  });
  assert.match(said, /column \d+:\n    export default \{ secret: '\*{38}',, \};\n +\^$/);
  const json = await complaint({ 'tidings.config.json': `{"url": "${URL}",}` });
  assert.ok(json.includes('{"url": "****'), json);
});

test('every form loads in packages of every kind, with import from tidings and require', async () => {
  const body = `defineConfig({ sources: { main: { url: '${URL}' } } })`;
  const module = `import { defineConfig } from 'tidings';\nimport { tables } from './HELPER';\nexport default { ...${body}, subscriptions: { a: { tables, to: { handler: './a.ts' } } } };`;
  const common = `const { defineConfig } = require('tidings');\nconst { tables } = require('./HELPER');\nmodule.exports = { ...${body}, subscriptions: { a: { tables, to: { handler: './a.ts' } } } };`;
  const forms: readonly (readonly [ending: string, text: string, helper: string])[] = [
    ['ts', module, 'ts'],
    ['mts', module, 'mts'],
    ['js', module, 'js'],
    ['mjs', module, 'mjs'],
    ['cts', common, 'cts'],
    ['cjs', common, 'cjs'],
  ];
  for (const type of ['commonjs', 'module', undefined]) {
    const package_ = JSON.stringify({ name: 'shop', type });
    const inPackage = type === 'module' ? forms : [...forms, ['js', common, 'js'] as const];
    for (const [ending, text, helper] of inPackage) {
      const helps =
        text === module ? "export const tables = ['public.a'];" : "exports.tables = ['public.a'];";
      const { config } = await load({
        'package.json': package_,
        [`tidings.config.${ending}`]: text.replace('HELPER', `helper.${helper}`),
        [`helper.${helper}`]: helps,
      });
      assert.equal(config.sources['main']?.url, URL, `${ending} in ${type}`);
      assert.deepEqual(config.subscriptions['a']?.tables, ['public.a']);
    }
  }
});

test('what a compiler made of a module is read as that module', async () => {
  const text = `Object.defineProperty(exports, '__esModule', { value: true });\nexports.default = ${JSON.stringify(MINIMAL)};`;
  const { config } = await load({ 'tidings.config.cjs': text });
  assert.equal(config.sources['main']?.url, URL);
});

test('.env beside the file: the environment wins, and it is told where the address is from', async () => {
  const other = 'postgresql://other/db';
  const files = {
    'tidings.config.json': JSON.stringify({ sources: { main: {} } }),
    '.env': `# shop\nexport DATABASE_URL="${URL}"\nTIDINGS_LOG_LEVEL=warn\n`,
  };
  const cwd = directoryWith(files);
  const fromFile = await loadConfig({ cwd, env: {} });
  assert.equal(fromFile.config.sources['main']?.url, URL);
  assert.equal(fromFile.config.logLevel, 'warn');
  assert.deepEqual(fromFile.databaseUrl, { from: 'file', file: join(cwd, '.env') });
  const env = { DATABASE_URL: other, TIDINGS_LOG_LEVEL: 'debug' };
  const fromEnv = await loadConfig({ cwd, env });
  assert.equal(fromEnv.config.sources['main']?.url, other);
  assert.equal(fromEnv.config.logLevel, 'debug');
  assert.deepEqual(fromEnv.databaseUrl, { from: 'environment', over: join(cwd, '.env') });
  const elsewhere = directoryWith({ '.env': 'DATABASE_URL=ftp://elsewhere' });
  const named = join(cwd, 'tidings.config.json');
  assert.equal(
    (await loadConfig({ cwd: elsewhere, env: {}, path: named })).config.sources['main']?.url,
    URL,
  );
  assert.match(
    await complaint({}, { cwd: elsewhere }),
    /^CONFIG_INVALID: \.env, line 1, DATABASE_URL: sources\.main\.url begins with ftp:/,
  );
  assert.equal(
    (await load({ '.env/bin/activate': '' })).databaseUrl,
    null,
    'a folder of that name',
  );
});

test('a secret in a file, named in the environment or in .env', async () => {
  const other = 'postgresql://other/db';
  const cwd = directoryWith({ url: `${URL}\n`, '.env': `DATABASE_URL=${other}\n` });
  const named = { DATABASE_URL_FILE: join(cwd, 'url') };
  assert.equal((await loadConfig({ cwd, env: named })).config.sources['main']?.url, URL);
  writeFileSync(join(cwd, '.env'), `DATABASE_URL_FILE=${join(cwd, 'url')}\n`);
  const { config, databaseUrl } = await loadConfig({ cwd, env: {} });
  assert.equal(config.sources['main']?.url, URL);
  assert.equal(databaseUrl?.from, 'file');
  const env = { DATABASE_URL: other };
  assert.equal((await loadConfig({ cwd, env })).config.sources['main']?.url, other);
});
