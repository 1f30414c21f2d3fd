import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Command } from 'commander';
import { TidingsError } from '../errors/tidings-error.ts';
import { LONGEST_TEXT } from '../change/too-large.ts';
import { CommandLines } from './command-line.ts';
import { renderError } from './render-error.ts';

const commands = new CommandLines(new Command('tidings'), {});
const PLAIN = { json: false, colour: false, debug: false, commands };
const LOCKED = new TidingsError('DATA_LOCKED', { pid: 7, path: '/srv/shop/.tidings' });

test('an error: its code, what happened, and what to do', () => {
  assert.deepEqual(renderError(LOCKED, PLAIN), {
    text: 'error DATA_LOCKED: Another process (pid 7) uses the data directory /srv/shop/.tidings.\n→ Stop it, or choose another directory with --data-dir. `tidings status` shows what it does.\n',
    exitCode: 2,
  });
});

test('an error in JSON', () => {
  const { text } = renderError(LOCKED, { ...PLAIN, json: true });
  assert.deepEqual(JSON.parse(text), {
    error: { code: 'DATA_LOCKED', message: LOCKED.message, hint: LOCKED.hint },
  });
  assert.equal(text.trimEnd().split('\n').length, 1);
});

test('colour only where it is wanted', () => {
  const { text } = renderError(LOCKED, { ...PLAIN, colour: true });
  assert.ok(text.startsWith('\u001b[31merror DATA_LOCKED:\u001b'), text);
});

test('a defect: one line and how to report it; the stack only when asked for', () => {
  const defect = new Error('it broke', { cause: new Error('deeper') });
  const { text, exitCode } = renderError(defect, PLAIN);
  assert.equal(exitCode, 1);
  assert.equal(text.split('\n').length, 3);
  assert.match(text, /^error DEFECT: it broke\n→ This is a defect in Tidings\. Please report it/);
  const debug = renderError(defect, { ...PLAIN, debug: true }).text;
  assert.match(debug, /render-error\.test\.ts/);
  assert.match(debug, /caused by Error: deeper/);
});

test('what the system refuses is no defect', () => {
  let caught: unknown;
  try {
    readFileSync('/does/not/exist');
  } catch (error) {
    caught = error;
  }
  const { text, exitCode } = renderError(caught, PLAIN);
  assert.equal(exitCode, 1);
  assert.match(
    text,
    /^error SYSTEM_ERROR: The system refused open on \/does\/not\/exist: ENOENT\.\n→ /,
  );
});

test('passwords and terminal commands in a message are not printed', () => {
  const error = new Error('cannot reach postgresql://ann:geheim@db/shop \u001b[2J');
  const { text } = renderError(error, { ...PLAIN, debug: true });
  assert.ok(!text.includes('geheim'), text);
  assert.ok(!text.includes('\u001b'), text);
});

test('a value that no text can hold is no defect', () => {
  let caught: unknown;
  try {
    Buffer.alloc(LONGEST_TEXT + 1).toString('latin1');
  } catch (error) {
    caught = error;
  }
  const { text, exitCode } = renderError(caught, PLAIN);
  assert.equal(exitCode, 1);
  assert.match(text, /^error TEXT_TOO_LONG: .* 536870888 characters/);
});
