import type { Command } from 'commander';
import { createProgram } from '../../src/cli/run.ts';
import type { Io, Output } from '../../src/cli/io.ts';
import { SERVICES } from '../../src/cli/services.ts';
import { optionEntries } from '../../src/config/option-table.ts';
import { SINK_NAMES, SINK_TRAITS } from '../../src/config/sink-options.ts';
import type { DeliveryOption } from '../../src/sink/sink-traits.ts';
import type { OptionEntry } from '../../src/option/option-entry.ts';
import { secretVariables } from '../../src/config/secret-files.ts';
import { CATALOGUE } from '../../src/errors/catalogue.ts';
import { CLI_ERRORS } from '../../src/errors/catalogue/cli.ts';
import { CONFIG_ERRORS } from '../../src/errors/catalogue/config.ts';
import { DELIVERY_ERRORS } from '../../src/errors/catalogue/delivery.ts';
import { LOG_ERRORS } from '../../src/errors/catalogue/log.ts';
import { SERVER_ERRORS } from '../../src/errors/catalogue/server.ts';
import { SOURCE_ERRORS } from '../../src/errors/catalogue/source.ts';
import { FILE_ERRORS } from '../../src/errors/catalogue/file.ts';
import { WEBHOOK_ERRORS } from '../../src/errors/catalogue/webhook.ts';
import { LOOKING_ERRORS } from '../../src/errors/catalogue/looking.ts';
import { UNDO_ERRORS } from '../../src/errors/catalogue/undo.ts';
import type { ErrorEntry } from '../../src/errors/entry.ts';
import { type MetricEntry, METRICS } from '../../src/observe/metric-catalogue.ts';

const NOTE = (source: string): string =>
  `<!-- Made by \`npm run docs\` from ${source}. Changes here are lost. -->\n`;

/** A cell of a Markdown table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function row(cells: readonly string[]): string {
  return `| ${cells.map(cell).join(' | ')} |\n`;
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  return row(titles) + row(titles.map(() => '---')) + rows.map(row).join('');
}

function code(text: string): string {
  return `\`${text}\``;
}

export function configurationPage(): string {
  const options = optionEntries().map(([path, entry]) => optionText(path, entry));
  return `${NOTE('src/config/option-table.ts')}
# Configuration

\`tidings.config.ts\`, \`.mts\`, \`.cts\`, \`.js\`, \`.mjs\`, \`.cjs\` or \`.json\` in the working directory, or the file that \`--config\` or \`TIDINGS_CONFIG\` names; more than one in the working directory is an error. \`tidings init\` writes one. TypeScript needs no compiler and no settings. \`import\` and \`export default\` do in every package, also where \`npm init\` has written \`"type": "commonjs"\`; \`require\` and \`module.exports\` do in CommonJS. \`.cts\` and \`.cjs\` files are always CommonJS. A \`.json\` file may begin with \`"$schema": "./node_modules/tidings/docs/reference/config.schema.json"\`, as \`tidings init --config tidings.config.json\` writes it: editors complete and check by that schema.

\`\`\`ts
import { defineConfig } from 'tidings';

export default defineConfig({
  dataDir: '.tidings',
  sources: {
    main: { url: process.env.DATABASE_URL, tables: ['public.*'] },
  },
  subscriptions: {
    crm: {
      tables: ['public.accounts'],
      operations: ['insert', 'update'],
      columns: ['email', 'balance'],
      where: 'after.balance > 100',
      to: { handler: './crm.ts' },
      delivery: { timeout: '10s', maxAttempts: 20 },
    },
  },
  log: { retention: { maxAge: '30d', maxBytes: '10GB' } },
});
\`\`\`

A flag wins over its environment variable, that over the file, that over the default. Variables that are not set are read from the file \`.env\` beside the configuration (without one: in the working directory), also for \`process.env\` in the configuration and in handlers; \`tidings doctor\` says where \`DATABASE_URL\` is from. \`TIDINGS_CONFIG\` itself, \`TIDINGS_API\` and \`TIDINGS_TOKEN\` are of the environment alone. \`DATABASE_URL\` is the address of source \`main\` when no source is configured, or when that one has none. Where a variable holds a secret, the same name with \`_FILE\` may name a file that holds it (${secretVariables()
    .map((name) => code(`${name}_FILE`))
    .join(
      ', ',
    )}). Without a file and without \`DATABASE_URL\`, \`tidings start\` runs a PostgreSQL of its own in the data directory.

A duration is \`'250ms'\`, \`'30s'\`, \`'5m'\`, \`'2h'\`, \`'7d'\`, or a number of milliseconds. A size is \`'256MB'\` (10⁶), \`'1GiB'\` (2³⁰), or a number of bytes. Unknown keys are errors.

In-process, \`createTidings(config)\` takes the same object; environment variables and flags are the command line's.

${options.join('\n')}`;
}

function optionText(path: string, entry: OptionEntry): string {
  const facts = [
    ['type', entry.type],
    ['default', defaultText(path, entry)],
    ['variable', entry.env === undefined ? null : code(entry.env)],
    ['flag', entry.flag === undefined ? null : code(entry.flag)],
    ['secret', entry.secret === true ? 'yes: never printed with its password' : null],
  ] as const;
  const lines = facts.flatMap(([name, value]) => (value === null ? [] : [`- ${name}: ${value}\n`]));
  return `## ${code(path)}\n\n${entry.description}\n\n${lines.join('')}`;
}

function defaultText(path: string, entry: OptionEntry): string | null {
  const { default: value, reason } = entry;
  if (value === undefined) return reason ?? null;
  const option = path.replace('subscriptions.*.delivery.', '') as DeliveryOption;
  const own = SINK_NAMES.flatMap((name) => {
    const other = SINK_TRAITS[name].delivery[option];
    return other === undefined ? [] : [`; for a ${name} ${valueText(other)}`];
  });
  return `${valueText(value)}${own.join('')}. ${reason ?? ''}`;
}

function valueText(value: OptionEntry['default']): string {
  return code(typeof value === 'string' ? `'${value}'` : JSON.stringify(value));
}

export function cliPage(): string {
  const program = createProgram({ io: silentIo(), services: SERVICES, exitWith: () => undefined });
  const commands = program.commands.flatMap((command) => [command, ...command.commands]);
  return `${NOTE('the commands themselves')}
# Command line

Results go to standard output; progress, questions, errors and the service's own lines go to standard error. With \`--json\` a command prints one JSON document per line ([shapes](json-output.md)), and errors as \`{"error": {"code", "message", "hint"}}\`. Colour is used on a terminal only, and not when \`NO_COLOR\` is set. \`TIDINGS_DEBUG=1\` adds the stack to an error.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | failed, or a check found something wrong |
| 2 | refused, or a conflict with what is there |
| 64 | bad usage or configuration |
| 130 | interrupted before it was done (\`start\`, \`tail\`, \`listen\` and \`status --watch\` end with 0) |

${helpText(program)}
${commands.map(helpText).join('\n')}`;
}

function helpText(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => (text += part),
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  const names: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) names.unshift(at.name());
  return `## ${code(names.join(' '))}\n\n\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`;
}

function silentIo(): Io {
  const output: Output = {
    isTerminal: false,
    colour: false,
    columns: 100,
    write: () => undefined,
    drained: () => Promise.resolve(),
  };
  const { signal } = new AbortController();
  return { stdout: output, stderr: output, env: {}, cwd: '.', signal, ask: null };
}

const ERROR_AREAS: Readonly<Record<string, Readonly<Record<string, ErrorEntry>>>> = {
  Configuration: CONFIG_ERRORS,
  Source: SOURCE_ERRORS,
  Log: LOG_ERRORS,
  Subscriptions: DELIVERY_ERRORS,
  Webhooks: WEBHOOK_ERRORS,
  Files: FILE_ERRORS,
  'HTTP API': SERVER_ERRORS,
  Looking: LOOKING_ERRORS,
  Undo: UNDO_ERRORS,
  'Command line': CLI_ERRORS,
};

export function errorsPage(): string {
  const told = Object.values(ERROR_AREAS).flatMap((entries) => Object.keys(entries));
  const left = Object.keys(CATALOGUE).filter((name) => !told.includes(name));
  if (left.length > 0) throw new Error(`no area has ${left.join(', ')}`);
  const areas = Object.entries(ERROR_AREAS).map(([area, entries]) => {
    const texts = Object.entries(entries).map(([name, entry]) => errorText(name, entry));
    return `## ${area}\n\n${texts.join('\n')}`;
  });
  return `${NOTE('src/errors/catalogue')}
# Errors

Every error that can be met in use has a code, which does not change between versions, and says what to do. \`{words}\` stand for the particulars. *Retried* means that the same, unchanged, may succeed later; what runs by itself then tries again by itself.

${areas.join('\n')}`;
}

function errorText(name: string, { message, hint, exit, retryable }: ErrorEntry): string {
  const what = message.replaceAll('\n', ' ');
  return `### ${name}\n\n> ${what}\n>\n> → ${hint}\n\nExit code ${exit}${retryable ? ', retried' : ''}.\n`;
}

export function metricsPage(): string {
  const entries: readonly MetricEntry[] = Object.values(METRICS);
  const rows = entries.map((entry) => [
    code(entry.name),
    entry.type,
    entry.labels.length === 0 ? '' : entry.labels.map(code).join(', '),
    entry.unit,
    entry.help,
  ]);
  return `${NOTE('src/observe/metric-catalogue.ts')}
# Metrics

In the Prometheus text format. \`source\` and \`subscription\` are the names of the configuration.

${table(['metric', 'type', 'labels', 'unit', 'meaning'], rows)}`;
}
