import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const main = join(import.meta.dirname, 'main.ts');
const reference = readFileSync(
  join(import.meta.dirname, '..', '..', 'docs', 'reference', 'cli.md'),
  'utf8',
);
const cwd = mkdtempSync(join(tmpdir(), 'tidings-process-'));
after(() => rmSync(cwd, { recursive: true }));

/** Runs the real program, without a terminal. */
async function tidings(
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly closeOutput?: boolean;
  } = {},
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  const env = { PATH: process.env['PATH'], HOME: cwd, ...options.env };
  const child = spawn(process.execPath, [main, ...args], { cwd: options.cwd ?? cwd, env });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  // As `| head -0` does.
  if (options.closeOutput === true) child.stdout.destroy();
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once('close', (code) => resolve(code));
  return { code: await promise, out, err };
}

test('exit codes: 0 done, 64 bad usage or configuration, 2 refused', async () => {
  const { version } = JSON.parse(
    readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8'),
  ) as { version: string };
  assert.deepEqual(await tidings(['--version']), { code: 0, out: `${version}\n`, err: '' });
  const cases: readonly (readonly [line: string, code: number, err: RegExp])[] = [
    ['', 64, /^Usage: tidings/],
    [
      'statu',
      64,
      /^error USAGE: Unknown command 'statu'\. Did you mean status\?\n→ `tidings --help`/,
    ],
    [
      'status --jsn',
      64,
      /^error USAGE: Unknown option '--jsn'\. Did you mean --json\?\n→ `tidings status --help`/,
    ],
    ['log vrify', 64, /^error USAGE: Unknown command 'vrify'.*\n→ `tidings log --help`/],
    ['status extra', 64, /^error USAGE: Too many arguments for 'status'/],
    [
      'tail --from yesterday',
      64,
      /^error USAGE: Option '--from <place>' argument 'yesterday' is invalid\./,
    ],
    ['tail --limit 0', 64, /^error USAGE: Option '--limit <count>' argument '0' is invalid\./],
    [
      'log trim --keep-bytes much',
      64,
      /^error USAGE: Option '--keep-bytes <size>' argument 'much' is invalid\./,
    ],
    ['status', 64, /^error CONFIG_NO_SOURCE: /],
    [
      'doctor --config none.ts',
      64,
      /^error CONFIG_MISSING: There is no configuration file none\.ts\./,
    ],
    ['init', 0, /^$/],
    ['init', 2, /^error FILE_EXISTS: /],
    [
      'uninstall',
      64,
      /^error CONFIG_VALUE_MISSING: The configuration has no value for sources\.main\.url\./,
    ],
  ];
  for (const [line, code, err] of cases) {
    const ended = await tidings(line.split(' ').filter((word) => word !== ''));
    assert.equal(ended.code, code, `tidings ${line}: ${ended.err}`);
    assert.match(ended.err, err);
  }
});

test('with --json an error is one JSON document on standard error', async () => {
  const { code, out, err } = await tidings(['tail', '--from', 'x', '--json']);
  assert.equal(code, 64);
  assert.equal(out, '');
  const { error } = JSON.parse(err) as { error: Record<string, string> };
  assert.deepEqual(Object.keys(error), ['code', 'message', 'hint']);
  assert.equal(error['code'], 'USAGE');
});

test('TIDINGS_DEBUG=1 adds the stack', async () => {
  const line = ['doctor', '--config', 'none.ts'];
  assert.equal((await tidings(line)).err.split('\n').length, 3);
  const { err } = await tidings(line, { env: { TIDINGS_DEBUG: '1' } });
  assert.match(err, /at .*load-config\.ts/);
});

test('no colour without a terminal, and no warnings of Node.js about a configuration file', async () => {
  writeFileSync(join(cwd, 'package.json'), '{"name": "shop"}');
  writeFileSync(
    join(cwd, 'typed.config.ts'),
    'const sources: object = {};\nexport default { sources };\n',
  );
  const { err } = await tidings(['doctor', '--config', 'typed.config.ts']);
  assert.match(err, /^error CONFIG_NO_SOURCE: /);
  assert.ok(!err.includes('\u001b'));
  assert.ok(!err.includes('MODULE_TYPELESS'), err);
});

test('a reader that goes away is no error', async () => {
  const { code, err } = await tidings(['--help'], { closeOutput: true });
  assert.equal(code, 0);
  assert.equal(err, '');
});

const COMMANDS = [
  '',
  'init',
  'doctor',
  'start',
  'status',
  'tail',
  'log',
  'log verify',
  'log trim',
  'log export',
  'demo',
  'demo sql',
  'types',
  'uninstall',
];

for (const command of COMMANDS) {
  test(`help: tidings ${command}`, async () => {
    const words = command.split(' ').filter((word) => word !== '');
    const { code, out, err } = await tidings([...words, '--help']);
    assert.equal(code, 0);
    assert.equal(err, '');
    assert.match(out, /^Usage: tidings/);
    // The reference page has it at another width, so words are compared.
    const [, page = ''] = reference.split(
      `## \`${['tidings', ...words].join(' ')}\`\n\n\`\`\`text\n`,
    );
    const [written = ''] = page.split('\n```');
    const wordsOf = (text: string): readonly string[] => text.split(/\s+/).filter(Boolean);
    // Pages lie where the package is; the reference says where in it.
    const docs = join(import.meta.dirname, '../../docs');
    assert.deepEqual(wordsOf(out.replaceAll(docs, 'docs')), wordsOf(written));
    if (words.length === 0 || command === 'log') return;
    assert.match(out, /\n {2}--json {2}/);
    assert.match(out, /\nExamples:\n {2}\S/);
  });
}

test('npm init -y, tidings init, tidings doctor: the configuration loads, and nothing warns', async () => {
  const folder = mkdtempSync(join(cwd, 'npm-init-'));
  writeFileSync(join(folder, 'package.json'), '{"name": "shop", "type": "commonjs"}');
  writeFileSync(join(folder, '.env'), 'DATABASE_URL=postgresql://ann:geheim@127.0.0.1:1/shop\n');
  assert.equal((await tidings(['init'], { cwd: folder })).code, 0);
  const { out, err } = await tidings(['doctor'], { cwd: folder });
  assert.match(out, /Read from tidings\.config\.ts: 1 source and 0 subscriptions\.\n/);
  assert.match(out, /DATABASE_URL +Set in \.env\.\n/);
  assert.match(out, /FAIL +connection/, 'the address in .env was tried');
  assert.equal(err, '');
  assert.ok(!out.includes('geheim'));
});

test('npm init -y and a configuration in JSON: handlers load as they do beside one in TypeScript', async () => {
  const folder = mkdtempSync(join(cwd, 'json-'));
  const module = "import { parseWire } from 'tidings';\nexport default { insert: parseWire };\n";
  const handlers = { 'typed.ts': module, 'plain.js': module, 'named.mts': module };
  const files = [...Object.entries(handlers), ['package.json', '{"type": "commonjs"}'] as const];
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
  const url = 'postgresql://ann@127.0.0.1:1/shop';
  // The last one ends the start before it waits for the database.
  const subscriptions = Object.fromEntries(
    [...Object.keys(handlers), 'none.ts'].map((name, at) => [
      `s${at}`,
      { tables: ['public.a'], to: { handler: `./${name}` } },
    ]),
  );
  const config = { sources: { main: { url } }, subscriptions };
  writeFileSync(join(folder, 'tidings.config.json'), JSON.stringify(config));
  const { err } = await tidings(['start'], { cwd: folder });
  assert.match(err, /^error HANDLER_MISSING: .*none\.ts/);
});
