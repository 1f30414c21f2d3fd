import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isUnconverted, ServerError, toStreamError } from './connection-error.ts';

const PLACES = [
  'slot "tidings_main", output plugin "pgoutput", in the change callback, associated LSN 0/1DF8E60',
  'Slot »tidings_main«, Ausgabe-Plugin »pgoutput«, im Callback change, zugehörige LSN 0/1DF8E60',
  "slot « tidings_main », plugin de sortie « pgoutput », dans la fonction d'appel change, associée au LSN 0/1DF8E60",
];

function meaning(code: string, routine: string, where: string): string {
  const fields = Object.entries({ C: code, R: routine, W: where, M: 'a text' });
  return toStreamError(new ServerError(new Map(fields)), { source: 'main', slot: 's' }).code;
}

test('a row that cannot be sent is known on every version and in every language', () => {
  for (const where of PLACES) {
    for (const [code, routine] of [
      ['54000', 'enlargeStringInfo'], // A row, on all versions.
      ['XX000', 'palloc'], // One value, on 14 to 16.
      ['XX000', 'MemoryContextAllocHuge'],
      ['XX000', 'MemoryContextSizeFailure'], // The same, since 17.
      ['22P05', 'report_untranslatable_char'],
    ] as const) {
      assert.equal(meaning(code, routine, where), 'SOURCE_UNREADABLE', `${code} ${where}`);
    }
  }
});

test('what may pass, or is no row of a transaction, is something else', () => {
  const [where = ''] = PLACES;
  for (const [code, routine] of [
    ['53200', 'AllocSetAlloc'], // The machine has no memory left.
    ['53100', 'ReorderBufferSerializeChange'],
    ['57014', 'ProcessInterrupts'],
    ['57P01', 'ProcessInterrupts'],
    ['58P01', 'ReadDataFromArchive'],
    ['42704', 'get_publication_oid'],
    ['XX000', 'ReorderBufferToastReplace'],
  ] as const) {
    assert.notEqual(meaning(code, routine, where), 'SOURCE_UNREADABLE', code);
  }
  assert.notEqual(meaning('XX000', 'palloc', ''), 'SOURCE_UNREADABLE');
  const slot = 'slot "tidings_pgoutput", output plugin "other", in the startup callback';
  assert.notEqual(meaning('XX000', 'palloc', slot), 'SOURCE_UNREADABLE');
  assert.equal(isUnconverted(new Error('another')), false);
});
