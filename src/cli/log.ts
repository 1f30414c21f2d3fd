import type { DeclareCommand } from './command.ts';
import { declareLogExport } from './log-export.ts';
import { declareLogTrim } from './log-trim.ts';
import { declareLogVerify } from './log-verify.ts';

export const declareLog: DeclareCommand = (program, runtime) => {
  const log = program.command('log').description('Check, shorten or copy the log.');
  for (const declare of [declareLogVerify, declareLogTrim, declareLogExport]) declare(log, runtime);
};
