import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, extname, join, relative, resolve } from 'node:path';
import { compileTablePatterns, TablePatternError } from '../change/table-pattern.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { redactUrl } from '../util/redact-url.ts';
import { collect } from './arguments.ts';
import {
  type Action,
  type CommandContext,
  complete,
  type DeclareCommand,
  listOption,
  printJson,
  textOption,
} from './command.ts';
import type { Io } from './io.ts';
import { painter } from './terminal/style.ts';

const DEFAULT_FILE = 'tidings.config.ts';
const DEFAULT_TABLES: readonly string[] = ['public.*'];

export const declareInit: DeclareCommand = (program, runtime) => {
  const command = program
    .command('init')
    .summary('Write a configuration file')
    .description(
      'Writes a configuration file for one database. On a terminal it asks for what is not given. Without --url the file takes the address from the variable DATABASE_URL.',
    )
    .option('--url <url>', 'the database, postgresql://user:password@host:5432/database')
    .option('--tables <pattern>', 'tables to capture; may be given several times', collect)
    .option('--force', 'replace a file that is there');
  const examples = [
    ['tidings init', `ask, and write ${DEFAULT_FILE}`],
    ["tidings init --tables 'shop.*' --tables '!shop.audit'", 'some tables only'],
    ['tidings init --config conf/tidings.config.json', 'another place and form'],
  ] as const;
  complete(
    command,
    runtime,
    { flags: [], json: '{"file", "url", "tables"} that was written', examples },
    init,
  );
};

interface Answers {
  /** null: from DATABASE_URL when the file is read. */
  readonly url: string | null;
  readonly tables: readonly string[];
}

const init: Action = async (context, options) => {
  const { io, json } = context;
  const file = resolve(io.cwd, textOption(options, 'config') ?? DEFAULT_FILE);
  const shown = relative(io.cwd, file);
  if (existsSync(file) && options['force'] !== true) {
    throw new TidingsError('FILE_EXISTS', { path: shown });
  }
  const answers = await askForMissing(io, {
    url: textOption(options, 'url'),
    tables: listOption(options, 'tables'),
  });
  await checkUrl(answers.url);
  checkPatterns(answers.tables);
  mkdirSync(dirname(file), { recursive: true });
  // An address may hold a password, which concerns nobody else on the machine.
  writeFileSync(file, fileText(file, io.cwd, answers), {
    mode: answers.url === null ? 0o644 : 0o600,
  });
  const { tables } = answers;
  const url = answers.url === null ? null : redactUrl(answers.url);
  if (json) printJson(io, { file, url, tables });
  else io.stdout.write(nextSteps(context, shown, answers));
  return 0;
};

async function askForMissing(
  io: Io,
  given: { readonly url: string | undefined; readonly tables: readonly string[] | undefined },
): Promise<Answers> {
  if (io.ask === null) return { url: given.url ?? null, tables: given.tables ?? DEFAULT_TABLES };
  const url =
    given.url ?? (await io.ask('Database address (empty: from the variable DATABASE_URL): '));
  const tables =
    given.tables ??
    (await io.ask(`Tables to capture (empty: ${DEFAULT_TABLES.join(', ')}): `)).split(/[\s,]+/);
  const named = tables.filter((pattern) => pattern !== '');
  return { url: url === '' ? null : url, tables: named.length === 0 ? DEFAULT_TABLES : named };
}

async function checkUrl(url: string | null): Promise<void> {
  if (url === null) return;
  // Loaded here: the schema library would slow down every `--help`.
  const { resolveConfig } = await import('../config/resolve-config.ts');
  resolveConfig({ sources: { main: { url } } }, { name: '--url' });
}

function checkPatterns(patterns: readonly string[]): void {
  try {
    compileTablePatterns(patterns);
  } catch (error) {
    if (!(error instanceof TablePatternError)) throw error;
    const { pattern, problem, suggestion } = error;
    throw new TidingsError(
      'TABLE_PATTERN_INVALID',
      { pattern, problem, suggestion },
      { cause: error },
    );
  }
}

/** Where editors find the schema once Tidings is installed in the project. */
function schemaPath(file: string, cwd: string): string {
  const installed = join(cwd, 'node_modules', 'tidings', 'docs', 'reference', 'config.schema.json');
  const path = relative(dirname(file), installed).replaceAll('\\', '/');
  return path.startsWith('.') ? path : `./${path}`;
}

/** What `require` takes is always CommonJS: .cts and .cjs. */
function isCommonJs(file: string): boolean {
  return /^\.c[jt]s$/.test(extname(file));
}

function fileText(file: string, cwd: string, { url, tables }: Answers): string {
  if (extname(file) === '.json') {
    // Without an address in the file, source main takes it from DATABASE_URL.
    const main = url === null ? { tables } : { url, tables };
    const $schema = schemaPath(file, cwd);
    return `${JSON.stringify({ $schema, dataDir: '.tidings', sources: { main } }, null, 2)}\n`;
  }
  const address = url === null ? 'process.env.DATABASE_URL' : quoted(url);
  const patterns = tables.map(quoted).join(', ');
  const [importing, exporting] = isCommonJs(file)
    ? ["const { defineConfig } = require('tidings');", 'module.exports =']
    : ["import { defineConfig } from 'tidings';", 'export default'];
  return `${importing}

${exporting} defineConfig({
  dataDir: '.tidings',
  sources: {
    main: { url: ${address}, tables: [${patterns}] },
  },
  subscriptions: {
    // Each change of these tables is one call of a method of the object that ./crm.ts exports;
    // \`tidings types --out tables.ts\` writes the types of their rows.
    // crm: { tables: ['public.accounts'], to: { handler: './crm.ts' } },
  },
});
`;
}

function quoted(text: string): string {
  return /['\\\p{Cc}]/u.test(text) ? JSON.stringify(text) : `'${text}'`;
}

function nextSteps({ io, commands }: CommandContext, file: string, { url }: Answers): string {
  const paint = painter(io.stdout);
  const needsVariable = url === null && (io.env['DATABASE_URL'] ?? '') === '';
  const steps = [
    ...(needsVariable ? ['export DATABASE_URL=postgresql://user:password@host:5432/database'] : []),
    commands.of('doctor'),
    commands.of('start'),
  ];
  return `Wrote ${file}. Next:\n${steps.map((step) => `  ${paint('bold', step)}\n`).join('')}`;
}
