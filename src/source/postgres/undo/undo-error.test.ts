import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTidingsError, type TidingsError } from '../../../errors/tidings-error.ts';
import { atTable, toUndoError } from './undo-error.ts';

const SESSION = { source: 'main', role: 'bob "x"', database: 'shop' };

function said(code: string, fields: object = {}): TidingsError {
  return toUndoError(SESSION, Object.assign(new Error('it says so'), { code, ...fields }));
}

test('every class of what a server says has a way on', () => {
  const codes: Readonly<Record<string, string>> = {
    '23514': 'UNDO_REFUSED',
    '22001': 'UNDO_REFUSED',
    '22P02': 'UNDO_REFUSED',
    '42501': 'UNDO_REFUSED',
    '54000': 'UNDO_REFUSED',
    '54011': 'UNDO_REFUSED',
    P0001: 'UNDO_REFUSED',
    P0004: 'UNDO_REFUSED',
    T0001: 'UNDO_REFUSED',
    '45000': 'UNDO_REFUSED',
    '55P03': 'UNDO_LOCKED',
    '40P01': 'UNDO_LOCKED',
    '40001': 'UNDO_LOCKED',
    '53100': 'UNDO_OUT_OF_ROOM',
    '53200': 'UNDO_OUT_OF_ROOM',
    '53400': 'UNDO_OUT_OF_ROOM',
    '57014': 'UNDO_CANCELLED',
    '57P01': 'UNDO_INTERRUPTED',
    '08006': 'UNDO_INTERRUPTED',
    ECONNRESET: 'UNDO_INTERRUPTED',
    XX000: 'SOURCE_FAILED',
  };
  for (const [state, code] of Object.entries(codes)) {
    const error = said(state);
    assert.equal(error.code, code, state);
    assert.match(error.message, /it says so/, state);
    assert.ok(error.hint.length > 10, state);
  }
});

test('what holds a row need not be a session: a prepared transaction is looked for elsewhere', () => {
  for (const state of ['55P03', '40P01']) {
    const { hint } = said(state);
    assert.match(hint, /`SELECT .* FROM pg_stat_activity .*;`/);
    assert.match(hint, /`SELECT .* FROM pg_prepared_xacts;`.*`ROLLBACK PREPARED 'GID';`/);
  }
});

test('an internal error of a foreign key or of a function is about what was to be written', () => {
  const message = 'referential integrity query on "p" gave unexpected result';
  assert.equal(said('XX000', { message, file: 'ri_triggers.c' }).code, 'UNDO_REFUSED');
  const where = 'PL/pgSQL function f() line 1 at RAISE';
  assert.equal(said('XX000', { where }).code, 'UNDO_REFUSED');
  assert.equal(said('XX001', { where }).code, 'SOURCE_FAILED');
});

test('it names the table where the server does, and never the source in its place', () => {
  const known = said('23514', {
    schema: 'public',
    table: 't',
    detail: 'Failing row contains (1).',
  });
  assert.match(
    known.message,
    /undo of public\.t, and .*it says so \(Failing row contains \(1\)\.\)/,
  );
  const unknown = said('P0001', {
    where: 'PL/pgSQL function f() line 2 at RAISE\nSQL statement "…"',
  });
  assert.doesNotMatch(unknown.message, /main/);
  assert.match(unknown.message, /it says so \[PL\/pgSQL function f\(\) line 2 at RAISE\]/);
});

test('the table it was at is named, unless the words are about another', async () => {
  const at = { facts: { schema: 'public', name: 't' }, place: 3 };
  const caught = async (refusal: TidingsError): Promise<TidingsError> => {
    const fail = (): Promise<never> => Promise.reject(refusal);
    const told: unknown = await atTable(at, fail).catch((reason: unknown) => reason);
    assert.ok(isTidingsError(told));
    return told;
  };
  assert.match((await caught(said('22012'))).message, /undo of public\.t, and/);
  const copy = (place: number): TidingsError =>
    said('22P02', { where: `COPY undo_before_${place}, line 1, column v: "x"` });
  assert.match((await caught(copy(3))).message, /undo of public\.t, and .*column v: "x"/);
  assert.match((await caught(copy(31))).message, /refused the undo, and/);
  const known = said('23514', { schema: 'public', table: 'other' });
  assert.equal(await caught(known), known);
});

test('statements of the hints are for who runs them', () => {
  assert.match(said('53400').hint, /ALTER ROLE "bob ""x""" SET temp_file_limit = -1;/);
  assert.match(
    said('42501', { message: 'permission denied to create temporary tables' }).hint,
    /./,
  );
});
