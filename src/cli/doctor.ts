import { relative } from 'node:path';
import type { Inspection } from '../app/inspection/inspection.ts';
import type { HttpConfig } from '../config/define-config.ts';
import { checkExposure, isLoopback } from '../config/http-exposure.ts';
import type { LoadedConfig } from '../config/load-config.ts';
import { requireTokens } from '../config/needed.ts';
import { isTidingsError } from '../errors/tidings-error.ts';
import type { CheckResult } from '../observe/check-result.ts';
import type { CommandLines } from './command-line.ts';
import {
  type Action,
  type CommandContext,
  complete,
  type DeclareCommand,
  printJson,
} from './command.ts';
import { resolveDocPointers } from './doc-pointers.ts';
import { meansEmbedded } from './embedded-source.ts';
import { formatCounted } from './terminal/format.ts';
import { harmless } from '../util/harmless.ts';
import { type Paint, painter, type Style } from './terminal/style.ts';
import { pad } from './terminal/width.ts';

export const declareDoctor: DeclareCommand = (program, runtime) => {
  const command = program
    .command('doctor')
    .summary('Check everything that capture needs')
    .description(
      'Checks the configuration, the data directory and each database, changes nothing, and prints the command or statement that mends what is missing. Ends with 1 when a check failed.',
    )
    .option(
      '--sql',
      'print nothing but the SQL that mends what was found, whole, to be read and run',
    );
  const examples = [
    ['tidings doctor', 'check what `tidings start` would use'],
    ['DATABASE_URL=postgresql://… tidings doctor', 'check a database without a configuration'],
    ['tidings doctor --sql > mend.sql', 'all statements at once, for an administrator'],
    ['tidings doctor --json | jq .failed', 'for a script'],
  ] as const;
  const json =
    '{"failed", "warnings", "subjects": [{"subject", "checks": [{"name", "status", "message", "fix", "sql"}]}]}';
  complete(command, runtime, { json, examples }, doctor);
};

const doctor: Action = async (context, options) => {
  const { io, json } = context;
  const loaded = await context.loadConfig();
  await using inspection = await context.openInspection();
  const subjects = [
    { subject: 'configuration', checks: configurationChecks(context, loaded) },
    ...(await inspection.check(io.signal)),
  ];
  const checks = subjects.flatMap((subject) => subject.checks);
  const failed = checks.filter((check) => check.status === 'failed').length;
  const warnings = checks.filter((check) => check.status === 'warning').length;
  if (json) printJson(io, { failed, warnings, subjects });
  else if (options['sql'] === true) io.stdout.write(sqlText(subjects));
  else io.stdout.write(resolveDocPointers(doctorText(subjects, context), io.cwd));
  return failed === 0 ? 0 : 1;
};

function configurationChecks(
  { io, commands }: CommandContext,
  { config, file, databaseUrl }: LoadedConfig,
): CheckResult[] {
  const sources = meansEmbedded(config)
    ? `no source, so \`${commands.of('start')}\` runs a PostgreSQL of its own`
    : `${formatCounted(Object.keys(config.sources).length, 'source')} and ${formatCounted(Object.keys(config.subscriptions).length, 'subscription')}`;
  const read = file === null ? 'no file' : relative(io.cwd, file);
  return [
    { name: 'configuration', status: 'ok', message: `Read from ${read}: ${sources}.` },
    ...(databaseUrl === null ? [] : [databaseUrlCheck(databaseUrl, io.cwd)]),
    nodeCheck(process.versions.node),
    ...(config.http === undefined ? [] : [exposureCheck(config.http)]),
  ];
}

/** Where `DATABASE_URL` comes from; never what it says. */
function databaseUrlCheck(
  origin: NonNullable<LoadedConfig['databaseUrl']>,
  cwd: string,
): CheckResult {
  const name = 'DATABASE_URL';
  if (origin.from === 'file') {
    return { name, status: 'ok', message: `Set in ${relative(cwd, origin.file)}.` };
  }
  const over = origin.over === null ? null : relative(cwd, origin.over);
  const message = `Set in the environment${over === null ? '' : `, which wins over another one in ${over}`}.`;
  return { name, status: 'ok', message };
}

/** Whether `start` would open the HTTP API to others without a token, which it refuses. */
function exposureCheck(http: HttpConfig): CheckResult {
  const name = 'HTTP API';
  try {
    checkExposure(http);
    requireTokens(http, 'command');
    const who = isLoopback(http.host) ? 'this machine alone' : 'whoever has a token';
    return { name, status: 'ok', message: `Listens on ${http.host}, for ${who}.` };
  } catch (error) {
    if (!isTidingsError(error)) throw error;
    return { name, status: 'failed', message: error.message, fix: error.hint };
  }
}

/** Older versions run neither TypeScript handlers nor SQLite without flags. */
export function nodeCheck(version: string): CheckResult {
  const message = `Node.js ${version}.`;
  if (Number.parseInt(version, 10) >= 24) return { name: 'Node.js', status: 'ok', message };
  const fix = 'Install Node.js 24 or newer.';
  return { name: 'Node.js', status: 'failed', message, fix };
}

type Subjects = Awaited<ReturnType<Inspection['check']>>;

const MARKS: Record<CheckResult['status'], readonly [style: Style, word: string]> = {
  ok: ['green', 'ok'],
  warning: ['yellow', 'warn'],
  failed: ['red', 'FAIL'],
};

function doctorText(subjects: Subjects, { io, commands }: CommandContext): string {
  const paint = painter(io.stdout);
  const blocks = subjects.map(({ subject, checks }) => {
    const width = Math.max(0, ...checks.map((check) => check.name.length));
    return `${paint('bold', subject)}\n${checks.map((check) => checkText(check, width, { paint, commands })).join('')}`;
  });
  const checks = subjects.flatMap((subject) => subject.checks);
  return `${blocks.join('\n')}\n${verdict(checks, { paint, commands })}\n`;
}

/** How a check is told. */
interface Telling {
  readonly paint: Paint;
  readonly commands: CommandLines;
}

function checkText(check: CheckResult, width: number, { paint, commands }: Telling): string {
  const [style, word] = MARKS[check.status];
  const line = `  ${paint(style, word.padEnd(4))}  ${pad(check.name, width)}  ${harmless(commands.in(check.message))}\n`;
  // Without marks in front, so that it can be copied as it stands.
  const mend = mendingLines(check, commands).map(
    (text) => `        ${paint('cyan', harmless(text))}\n`,
  );
  return line + mend.join('');
}

/** More lines than these are read in a file rather than between checks. */
const INLINE_LINES = 3;

function mendingLines({ fix, sql }: CheckResult, commands: CommandLines): readonly string[] {
  const words = fix === undefined ? [] : commands.in(fix).split('\n');
  const statements = sql?.split('\n') ?? [];
  if (statements.length <= INLINE_LINES) return [...words, ...statements];
  const command = commands.of('doctor', '--sql');
  return [...words, `${command}   # prints its ${statements.length} lines of SQL`];
}

/** A script of everything that SQL mends, each statement under what it is for. */
function sqlText(subjects: Subjects): string {
  const parts = subjects.flatMap(({ subject, checks }) =>
    checks.flatMap(({ name, message, sql }) =>
      sql === undefined ? [] : [`${comment(`${subject}, ${name}: ${message}`)}\n${sql}\n`],
    ),
  );
  return parts.length === 0 ? '-- There is nothing that SQL would mend.\n' : parts.join('\n');
}

/** A message may hold names, and these any character. */
function comment(text: string): string {
  return text
    .split(/[\r\n]/)
    .map((line) => `-- ${harmless(line)}`)
    .join('\n');
}

function verdict(checks: readonly CheckResult[], { paint, commands }: Telling): string {
  const count = (status: CheckResult['status']): number =>
    checks.filter((check) => check.status === status).length;
  const failed = count('failed');
  const warnings = count('warning');
  const warned = warnings === 0 ? '' : `, ${formatCounted(warnings, 'warning')}`;
  if (failed > 0)
    return paint('red', `${failed} of ${formatCounted(checks.length, 'check')} failed${warned}.`);
  return `${paint('green', 'Ready')}: ${formatCounted(checks.length, 'check')}${warned}. Next: ${commands.of('start')}`;
}
