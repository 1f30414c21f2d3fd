import type { Operation } from '../../change/change.ts';
import type { UndoFilter, UndoMoment, UndoRequest } from '../../undo/undo-plan.ts';
import type { ParsedOptions } from '../command-line.ts';
import { listOption, textOption } from '../command.ts';

/** The request that the options of `tidings undo` make; what does not go together, planning says. */
export function requestOf(options: ParsedOptions): UndoRequest {
  const text = (name: string): object => {
    const value = textOption(options, name);
    return value === undefined ? {} : { [name]: value };
  };
  const list = (option: string, name: string): object => {
    const value = listOption(options, option);
    return value === undefined ? {} : { [name]: value };
  };
  const moment = (name: string): object => {
    const value = options[name] as UndoMoment | undefined;
    return value === undefined ? {} : { [name]: value };
  };
  const operations = options['operation'] as readonly Operation[] | undefined;
  const filter: UndoFilter = {
    ...text('source'),
    ...list('table', 'tables'),
    ...list('key', 'keys'),
    ...text('where'),
    ...text('actor'),
    ...(operations === undefined ? {} : { operations }),
  };
  const request = { ...filter, ...text('transaction'), ...moment('since'), ...moment('until') };
  return { ...request, ...moment('to') } as UndoRequest;
}
