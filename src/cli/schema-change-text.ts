import type { SchemaChange } from '../undo/looking/schema-changes.ts';
import { schemaChangeText } from '../undo/looking/schema-change-text.ts';
import { formatTime } from './terminal/format.ts';
import { harmless } from '../util/harmless.ts';
import { painter } from './terminal/style.ts';
import { pad } from './terminal/width.ts';

/** Between transactions, or versions of a row, where the columns became others. */
export function schemaChangeLine(
  change: SchemaChange,
  output: { readonly colour: boolean },
  { indent = 0 }: { readonly indent?: number } = {},
): string {
  const paint = painter(output);
  const time = change.at === null ? '' : formatTime(change.at);
  return [paint('dim', time), pad('', indent), paint('yellow', harmless(schemaChangeText(change)))]
    .filter((part) => part !== '')
    .join('  ');
}
