import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as pgoutput from '../../../../test/support/pgoutput.ts';
import { textReader } from '../connection/database-text.ts';
import { bytesOf, MalformedData } from './decode-bytes.ts';
import { addContext, readContext } from './decode-context.ts';

const read = (message: Buffer, encoding = 'UTF8'): string | null =>
  readContext({ bytes: bytesOf(message), start: 1, end: message.length }, textReader(encoding));

test('a single text is kept as it is when it is JSON', () => {
  for (const text of ['{"actor":"ann"}', ' [1, 2]', '12345678901234567890', 'null', '"ann"']) {
    assert.equal(addContext(null, text), text);
  }
});

test('what is no JSON becomes a JSON string', () => {
  for (const text of ['ann', '', '{"actor":', 'it\'s "me"\n', '['.repeat(1_000_000)]) {
    assert.equal(JSON.parse(addContext(null, text)), text);
    assert.equal(JSON.parse(addContext('{"a":1}', text)), text);
  }
});

test('objects are merged, later members win, and no digit changes', () => {
  const merged = addContext('{"a":1,"n":12345678901234567890}', '{"a":{"b":1.50},"c":null}');
  assert.equal(merged, '{"a":{"b":1.50},"n":12345678901234567890,"c":null}');
  assert.equal(addContext(merged, '{"__proto__":1}').endsWith('"c":null,"__proto__":1}'), true);
});

test('what is no object replaces, and is replaced', () => {
  assert.equal(addContext('{"a":1}', '[1]'), '[1]');
  assert.equal(addContext('[1]', '{"a":1}'), '{"a":1}');
  assert.equal(addContext('1', '2'), '2');
  assert.equal(addContext('{"a":1}', '17'), '17');
});

test('a text that is not UTF-8 loses no byte', () => {
  const latin1 = Buffer.from('{"actor":"Zoë"}', 'latin1');
  assert.equal(read(pgoutput.message('tidings', latin1)), '{"actor":"Zoë"}');
  assert.equal(read(pgoutput.message('tidings', '{"actor":"Zoë"}')), '{"actor":"Zoë"}');
});

test('a message that is cut off is refused at every byte', () => {
  const message = pgoutput.message('tidings', '{"actor":"ann"}');
  for (let length = 1; length < message.length; length++) {
    assert.throws(() => read(message.subarray(0, length)), MalformedData, `${length} bytes`);
  }
});
