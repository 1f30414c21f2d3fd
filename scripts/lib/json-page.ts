import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = join(import.meta.dirname, '..', '..', 'src');

/** Types out of the code that prints them, with their comments. */
function types(file: string, names: readonly string[]): string {
  const text = readFileSync(join(SOURCES, file), 'utf8');
  return names.map((name) => declaration(text, name, file)).join('\n');
}

function declaration(text: string, name: string, file: string): string {
  const comment = '(?:/\\*\\*(?:(?!\\*/)[\\s\\S])*\\*/\\n)?';
  const body = `(?:interface ${name}\\b[\\s\\S]*?\\n}|type ${name}\\b[\\s\\S]*?;)\\n`;
  const pattern = new RegExp(`${comment}export ${body}`);
  const found = pattern.exec(text)?.[0];
  if (found === undefined) throw new Error(`${file} declares no ${name}`);
  return found.replaceAll('export ', '').replaceAll('readonly ', '');
}

function block(text: string): string {
  return `\`\`\`ts\n${text.trimEnd()}\n\`\`\`\n`;
}

const STATUS = [
  'Status',
  'ServiceStatus',
  'SourceStatusReport',
  'CaptureState',
  'SubscriptionStatusReport',
  'ReportedError',
];

const SUBSCRIPTIONS = [
  'SubscriptionReport',
  'SubscriptionOrigin',
  'SubscriptionDocument',
  'EndpointDocument',
  'ReplayReport',
];

const UNDO = [
  'UndoPlan',
  'UndoRequest',
  'UndoOfTransaction',
  'UndoOfRange',
  'UndoToMoment',
  'UndoFilter',
  'UndoMoment',
  'UndoTable',
  'UndoRow',
  'UndoConflicts',
  'UndoConflict',
  'UndoCause',
  'UndoNotReady',
  'UndoLeftOut',
  'UndoResult',
];

/** What each command prints with `--json`. */
export function jsonPage(): string {
  return `<!-- Made by \`npm run docs\` from the types of what is printed. Changes here are lost. -->

# JSON output

With \`--json\` a command prints one JSON document per line to standard output: one line where there is one result, NDJSON where it streams. Members are only added between versions; do not rely on their order. An error goes to standard error:

${block('{ error: { code: string; message: string; hint: string } }')}
## \`tidings init\`

The address is shown without its password; null means that it comes from \`DATABASE_URL\`.

${block('{ file: string; url: string | null; tables: string[] }')}
## \`tidings doctor\`

${block(`{
  failed: number;
  warnings: number;
  subjects: { subject: string; checks: CheckResult[] }[];
}

${types('source/source.ts', ['CheckResult'])}`)}
## \`tidings status\`

A \`Status\`; with \`--watch\` one per second.

${block(types('app/status/status.ts', STATUS))}
## \`tidings health\`

What \`/healthz\` answers; with \`--ready\` what \`/readyz\` does, a \`Readiness\`.

${block(`{ status: 'ok' }\n\n${types('server/readiness.ts', ['Readiness', 'SourceReadiness'])}`)}
## \`tidings start\`

A line when it has started and one when it has stopped. The service's own lines go to standard error, as JSON when that is no terminal.

${block("{ state: 'started' | 'stopped'; status: Status }")}
## \`tidings tail\`, \`tidings log export\`

A CloudEvents document per change: [wire format](wire-format.md). \`log export --output FILE --json\` prints this at the end:

${block('{ file: string; changes: number }')}
${webhookCommands()}${undoCommands()}## \`tidings log verify\`

A \`VerifyReport\`.

${block(types('app/inspection/inspection.ts', ['VerifyReport', 'VerifyFinding']) + '\n' + types('log/log.ts', ['LogGap', 'LogFork', 'LoggedMark']) + '\n' + types('change/mark.ts', ['TableMark', 'MarkKind']))}
## \`tidings log trim\`

A list with one \`TrimReport\` per source.

${block(types('app/trimming/trim-request.ts', ['TrimReport']))}
## \`tidings types\`

\`file\` is null without \`--out\`.

${block(`{ file: string | null; tables: NamedRowType[]; text: string }\n\n${types('app/row-types/row-types-text.ts', ['NamedRowType'])}`)}
## \`tidings completion\`

${block("{ shell: 'bash' | 'zsh' | 'fish'; script: string }")}
## \`tidings uninstall\`

${block('{ sources: { source: string; removed: string[] }[]; dataDir: string | null }')}`;
}

function webhookCommands(): string {
  return `## \`tidings subscriptions\`

\`list\` prints a list of \`SubscriptionReport\`; \`show\`, \`change\`, \`pause\`, \`resume\` and \`rewind\` print one, \`replay\` a \`ReplayReport\`. \`create\` and \`delete\`:

${block(`{ subscription: SubscriptionReport; secret: string | null }
{ deleted: string }

${types('app/administration.ts', SUBSCRIPTIONS)}`)}
## \`tidings deliveries\`

\`list\` prints a \`DeliveryReport\` per line, \`replay\` a \`ReplayReport\`. \`show\`, \`retry\` and \`discard\`, in which \`skipped\` counts what was done or under way before it was its turn:

${block(`{ delivery: DeliveryReport; change: WireChange | null }
{ retried: number; skipped: number }
{ discarded: number; skipped: number }

${types('app/administration.ts', ['DeliveryReport', 'DeliveryStateName', 'DeliveryError'])}`)}
## \`tidings trigger-test\`

A \`TestReport\`.

${block(types('app/administration.ts', ['TestReport']))}
## \`tidings listen\`

An \`Arrival\` per request.

${block(types('cli/listen/arrival.ts', ['Arrival']))}
`;
}

function undoCommands(): string {
  return `## \`tidings find\`

A \`FoundReport\` per transaction, newest first.

${block(types('app/looking/looking.ts', ['FoundReport', 'TransactionReport']) + '\n' + types('undo/looking/change-counts.ts', ['TableCount']) + '\n' + types('undo/looking/schema-changes.ts', ['SchemaChange']) + '\n' + types('undo/looking/schema-difference.ts', ['SchemaDifference']) + '\n' + types('undo/looking/noted-migrations.ts', ['NotedMigration']))}
## \`tidings show\`

Of a transaction a \`ShownTransaction\` (its types are those of \`find\`; \`WireChange\` is the [wire format](wire-format.md)); with \`--all\` its changes, one CloudEvents document per line. Of a change its CloudEvents document.

${block(types('cli/show.ts', ['ShownTransaction']))}
## \`tidings history\`

A CloudEvents document per version of the row, oldest first: [wire format](wire-format.md).

## \`tidings table --as-of\`

An object per row: column name to value, values as in the [wire format](wire-format.md). \`--format csv\` has the database's own texts.

## \`tidings undo\`

An \`UndoPlan\` (its \`SchemaChange\` is that of \`find\`); with \`--all\` an \`UndoRow\` per line after it; with \`--apply\` an \`UndoResult\` instead.

${block(types('undo/undo-plan.ts', UNDO) + '\n' + types('source/undo-target.ts', ['ConflictReason', 'UndoOperation']))}
With \`--script FILE --json\`:

${block('{ file: string; rows: number; conflicts: number }')}
`;
}
