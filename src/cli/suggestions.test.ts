import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Command } from 'commander';
import { tidings, URL } from '../../test/support/fake-application.ts';
import { recordedIo } from '../../test/support/recorded-io.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { CommandLines } from './command-line.ts';
import { createProgram } from './run.ts';
import { SERVICES } from './services.ts';

const program = createProgram({ io: recordedIo(), services: SERVICES, exitWith: () => undefined });

const NPX = { npm_config_user_agent: 'npm/11.6.0 node/v24' };

/** What a command suggests that was begun like this. */
function suggesting(
  line: string,
  options: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
): CommandLines {
  let command: Command = program;
  for (const word of line.split(' ')) {
    command = command.commands.find((each) => each.name() === word) ?? command;
  }
  for (const [name, value] of Object.entries(options)) command.setOptionValue(name, value);
  const commands = new CommandLines(command, env);
  for (const name of Object.keys(options)) command.setOptionValue(name, undefined);
  return commands;
}

test('a command begins as the one that suggests it, and looks into the same place', () => {
  const config = "it's my $conf.ts";
  const start = suggesting('start', { config, dataDir: 'log' }, NPX);
  const quoted = "'it'\\''s my $conf.ts'";
  assert.equal(start.of('doctor', '--sql'), `npx tidings doctor --sql ${where(quoted)}`);
  // It takes neither.
  assert.equal(start.of('completion', 'bash'), 'npx tidings completion bash');
  const given = start.of('status', '--config', 'other.ts');
  assert.equal(given, 'npx tidings status --config other.ts --data-dir log', 'what it says itself');
  const undo = suggesting('undo', { source: 'main' });
  assert.equal(undo.of('show', '7'), 'tidings show 7 --source main');
  assert.equal(undo.of('deliveries', 'crm'), 'tidings deliveries crm', 'it has no --source');
  const api = suggesting('subscriptions list', { api: 'https://x.example', token: 'geheim' });
  assert.equal(
    api.of('deliveries', 'crm'),
    'tidings deliveries crm --api https://x.example --token TOKEN',
  );
});

test('the data directory of the demo is one of its own', () => {
  const demo = suggesting('demo', { dataDir: 'toys' });
  assert.equal(demo.of('demo', 'sql'), 'tidings demo sql --data-dir toys');
  assert.equal(demo.of('status'), 'tidings status');
  assert.equal(suggesting('status', { dataDir: 'log' }).of('demo'), 'tidings demo');
});

test('who runs it by a package manager is told to go on with that', () => {
  const begun = (npm_config_user_agent: string): string =>
    suggesting('start', {}, { npm_config_user_agent }).of('doctor');
  assert.equal(begun('npm/11.6.0 node/v24.1.0 linux x64'), 'npx tidings doctor');
  assert.equal(begun('pnpm/12.21.0 npm/? node/? linux x64'), 'pnpm exec tidings doctor');
  assert.equal(begun('yarn/4.18.1 npm/? node/v24.1.0'), 'yarn tidings doctor');
  assert.equal(begun('bun/1.3.0 npm/? node/v24.1.0'), 'bunx tidings doctor');
  assert.equal(begun('constructor/1'), 'tidings doctor');
});

test('commands in a text: quoted ones, and lines that begin with one', () => {
  const start = suggesting('start', { config: 'a b.ts' }, NPX);
  const text = (given: string): string => start.in(given);
  const where = "--config 'a b.ts'";
  assert.equal(
    text('See `tidings status`, or `tidings log verify --source main`.'),
    `See \`npx tidings status ${where}\`, or \`npx tidings log verify --source main ${where}\`.`,
  );
  assert.equal(
    text('tidings start   # puts it right\nALTER TABLE t;\ntidings doctor'),
    `npx tidings start ${where}   # puts it right\nALTER TABLE t;\nnpx tidings doctor ${where}`,
  );
  const odd = "`tidings find --table 'a`b'\\''s # $x'` lists them";
  assert.equal(
    text(odd),
    `\`npx tidings find --table 'a\`b'\\''s # $x' ${where}\` lists them`,
    'whatever a name holds',
  );
  assert.equal(
    text('`tidings undo --help` has examples'),
    '`npx tidings undo --help` has examples',
  );
  const words = 'The slot is called tidings main, and so is `application_name`.';
  assert.equal(text(words), words);
});

test('an error tells its command as it can be typed, also one of the service', async () => {
  const options = { env: { DATABASE_URL: URL, ...NPX } };
  const inspection = {
    status: () => Promise.reject(new TidingsError('DATA_LOCKED', { pid: 7, path: '/srv' })),
  };
  const { err } = await tidings('tidings status --data-dir log', { inspection }, options);
  assert.match(err, /`npx tidings status --data-dir log` shows what it does\.\n$/);
  const wrong = await tidings('tidings deliveries --limt 3', {}, options);
  assert.match(wrong.err, /→ `npx tidings deliveries list --help` shows how it is used\.\n$/);
  const help = await tidings('tidings deliveries --help', {}, options);
  assert.match(help.out, /^Usage: npx tidings deliveries /);
  const examples = await tidings('tidings doctor --help', {}, options);
  assert.match(examples.out, /\n {2}DATABASE_URL=postgresql:\/\/… npx tidings doctor /);
  assert.doesNotMatch(examples.out, /(?<!npx )tidings doctor/);
});

/** Lines of the product that have a command, without comments and tests. */
function linesWithCommands(pattern: string): readonly (readonly [file: string, line: string])[] {
  const names = program.commands.map((command) => command.name()).join('|');
  const command = new RegExp(`(?<![\\w/.-])tidings (?:${names})(?![\\w])`);
  const src = join(import.meta.dirname, '..');
  return globSync(pattern, { cwd: src })
    .filter((file) => !file.endsWith('.test.ts'))
    .flatMap((file) =>
      readFileSync(join(src, file), 'utf8')
        .split('\n')
        .filter((line) => command.test(line) && !/^\s*(\/?\*|\/\/)/.test(line))
        .map((line) => [file, line] as const),
    );
}

/** Examples and options of `--help`, and the command whose help an error names: rendered as a whole. */
const WHOLE = [
  /^\s*\[?['"](?:[A-Z_]+=\S+ )?tidings /,
  /examples = \[\[['"]tidings /,
  /^\s*\.option\(/,
  /command: [`'"]tidings /,
  /, ['"]tidings [a-z ]+['"]\)/,
  /application_name: /,
];

test('no command of the program is printed that CommandLines has not written', () => {
  const own = linesWithCommands('cli/**/*.ts').filter(
    ([, line]) => !WHOLE.some((form) => form.test(line)),
  );
  assert.deepEqual(own, []);
  // Elsewhere in a form in which it is found: in back quotes, or at the beginning of a text.
  const others = linesWithCommands(
    '{app,source,undo,capture,subscription,delivery,sink,log}/**/*.ts',
  )
    .concat(linesWithCommands('{errors,server,state,config,observe,change,util,embedded}/**/*.ts'))
    .flatMap(([file, line]) =>
      [...line.matchAll(/(.)tidings [a-z]/g)].flatMap(([, before = '']) =>
        '`\'"'.includes(before) ? [] : [[file, line.trim()]],
      ),
    );
  assert.deepEqual(others, []);
});

function where(config: string): string {
  return `--config ${config} --data-dir log`;
}
