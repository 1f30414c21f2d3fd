import { userInfo } from 'node:os';
import type { UndoService } from '../app/undo.ts';
import {
  ON_CONFLICT,
  type OnConflict,
  type UndoOutcome,
  type UndoPlan,
} from '../undo/undo-plan.ts';
import { shellWord } from '../errors/shell-word.ts';
import { collect } from './arguments.ts';
import {
  type Action,
  type CommandContext,
  complete,
  type DeclareCommand,
  printJson,
  textOption,
} from './command.ts';
import type { ParsedOptions } from './command-line.ts';
import { withKnownSource } from './embedded-source.ts';
import { formatCounted } from './terminal/format.ts';
import { nextCommand } from './undo/next-command.ts';
import { parseChoice, parseOperation, parseUndoMoment } from './undo/options.ts';
import { planText, rowText, type UndoTelling } from './undo/plan-text.ts';
import { requestOf } from './undo/request.ts';
import { resultText } from './undo/result-text.ts';
import { writeScript } from './undo/write-script.ts';

export const declareUndo: DeclareCommand = (program, runtime) => {
  const command = program
    .command('undo')
    .summary('Take changes back')
    .description(
      'Shows what it takes to undo a transaction, or the changes of tables since a time: the rows with their values, and everything that stands against it. Changes nothing until --apply is given; then all of it happens in one transaction, or nothing. Ends with 2 when there are conflicts. Works whether the service runs or not.',
    )
    .option('--transaction <id>', 'the transaction to undo, as `tidings find` and `tail` show it')
    .option(
      '--table <pattern>',
      'a table, or a pattern of tables; may be given several times',
      collect,
    )
    .option(
      '--since <moment>',
      'changes from a time, an offset, or how long ago (10m)',
      parseUndoMoment,
    )
    .option('--until <moment>', 'up to here, exclusive; default: now', parseUndoMoment)
    .option('--to <moment>', 'return the tables to how they were just before it', parseUndoMoment)
    .option('--operation <name>', 'only insert, update, delete or truncate', parseOperation)
    .option(
      '--key <text>',
      'only the row with this key: 7, or a=1,b=2 for several columns',
      collect,
    )
    .option('--where <condition>', 'only changes for which this CEL expression is true')
    .option('--actor <name>', 'only changes whose context names this actor')
    .option('--source <name>', 'the source; needed when there are several')
    .option('--all', 'show every row, not only a sample')
    .option('--apply', 'do it')
    .option(
      '--on-conflict <way>',
      `${ON_CONFLICT.join(', ')}: leave, skip, overwrite, or undo the later changes too`,
      parseChoice(ON_CONFLICT),
      'refuse',
    )
    .option('--without-triggers', 'triggers do not fire; foreign keys are checked all the same')
    .option('--by <name>', 'who does it, for the context; default: the user of this system')
    .option('--script <file>', 'write it as SQL to read and run by hand')
    .option('--force', 'replace a script file that is there');
  const examples = [
    ['tidings undo --transaction 7712', 'what it would do'],
    ['tidings undo --transaction 7712 --apply', 'do it'],
    [
      'tidings undo --table public.accounts --since 10m --operation delete',
      'deletes of 10 minutes',
    ],
    ['tidings undo --table public.accounts --to 2026-11-21T13:44:00Z', 'as it was at that time'],
    ['tidings undo --transaction 7712 --script back.sql', 'as SQL'],
  ] as const;
  const json =
    'the plan; with --apply the result; with --all a row per line after the plan (docs/reference/json-output.md)';
  complete(command, runtime, { json, examples }, undo);
};

const undo: Action = async (context, options) => {
  const { io, services } = context;
  const request = requestOf(options);
  const { config } = await context.loadConfig();
  await using service = await services.openUndo(await withKnownSource(config));
  const file = textOption(options, 'script');
  if (file === undefined && options['apply'] === true) {
    const outcome = await service.runUndo(request, applyOptions(options), io.signal);
    return told(context, options, outcome);
  }
  const onConflict = options['onConflict'] as OnConflict;
  const plan = await service.planUndo(request, { onConflict }, io.signal);
  if (file !== undefined) return await script(context, options, { service, plan, file });
  return await show(context, options, { service, plan });
};

interface Planned {
  readonly service: UndoService;
  readonly plan: UndoPlan;
}

function telling({ io, commands }: CommandContext): UndoTelling {
  return { output: io.stdout, commands };
}

async function show(
  context: CommandContext,
  options: ParsedOptions,
  { service, plan }: Planned,
): Promise<number> {
  const { io, json } = context;
  const all = options['all'] === true;
  if (json) printJson(io, all ? { ...plan, sample: [] } : plan);
  else io.stdout.write(planText(plan, telling(context), { sample: !all }));
  if (all) {
    for await (const row of service.undoRows(plan, io.signal)) {
      if (json) printJson(io, row);
      else io.stdout.write(rowText(row, io.stdout));
      await io.stdout.drained();
    }
  }
  if (!json) io.stdout.write(nextCommand(plan, { ...telling(context), options }));
  return plan.conflicts.total > 0 ? 2 : 0;
}

function told(context: CommandContext, options: ParsedOptions, outcome: UndoOutcome): number {
  const { io, json } = context;
  const { plan, result } = outcome;
  if (json) printJson(io, result);
  else io.stdout.write(resultText(outcome, telling(context)));
  if (!json && !result.applied)
    io.stdout.write(nextCommand(plan, { ...telling(context), options }));
  return result.applied ? 0 : 2;
}

async function script(
  context: CommandContext,
  options: ParsedOptions,
  { service, plan, file }: Planned & { readonly file: string },
): Promise<number> {
  const { io, json } = context;
  const pieces = service.undoScript(plan, applyOptions(options), io.signal);
  await writeScript(pieces, file, { cwd: io.cwd, replace: options['force'] === true });
  if (json) printJson(io, { file, rows: plan.total, conflicts: plan.conflicts.total });
  else {
    io.stdout.write(
      `Wrote ${formatCounted(plan.total, 'row')} to ${file}. Read it, then run it: psql --set ON_ERROR_STOP=1 --file ${shellWord(file)}\n`,
    );
    if (plan.conflicts.total > 0)
      io.stdout.write(planText(plan, telling(context), { sample: false }));
  }
  return plan.conflicts.total > 0 ? 2 : 0;
}

function applyOptions(options: ParsedOptions): Parameters<UndoService['applyUndo']>[1] {
  return {
    onConflict: options['onConflict'] as OnConflict,
    triggers: options['withoutTriggers'] !== true,
    actor: textOption(options, 'by') ?? userInfo().username,
  };
}
