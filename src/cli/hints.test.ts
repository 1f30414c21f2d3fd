import assert from 'node:assert/strict';
import { test } from 'node:test';
import { complaintOf } from '../../test/support/typed-command.ts';
import { CATALOGUE } from '../errors/catalogue.ts';

/** What is wrong with a command line that a hint tells people to type; null when nothing is. */
function complaint(line: string): string | null {
  return complaintOf(line.split(/\s+/));
}

test('a hint that could not be typed is found', () => {
  assert.equal(complaint('tidings start --accept-gap {source}'), null);
  assert.equal(complaint('tidings log trim --keep-bytes N'), null);
  assert.equal(complaint('tidings restart'), 'tidings has no restart');
  assert.equal(complaint('tidings log verify --fix'), 'verify has no --fix');
  assert.equal(complaint('tidings undo --on-conflict never'), '--on-conflict takes no never');
  assert.equal(complaint('tidings deliveries discard crm 7 8'), 'discard has no 8');
  assert.equal(complaint('tidings log trim --before'), '--before needs a value');
  assert.equal(complaint('tidings completion tcsh'), 'completion takes no tcsh');
  assert.equal(complaint('tidings deliveries crm'), null);
  assert.equal(complaintOf(['tidings', 'deliveries', 'show', 'crm'], true), 'show needs offset');
});

test('every command that an error suggests is there, with its options', () => {
  for (const [code, { message, hint }] of Object.entries(CATALOGUE)) {
    for (const [, line = ''] of `${message} ${hint}`.matchAll(/`(tidings [^`]+)`/g)) {
      // What is quoted is an argument, and may be anything.
      const typed = line.replace(/"[^"]*"/g, 'quoted');
      assert.equal(complaint(typed), null, `${code}: ${line}`);
    }
  }
});

/** What stands in a text between braces, in a statement of SQL that people are told to run. */
function namesInStatements(text: string): readonly string[] {
  const verbs = 'ALTER|GRANT|REVOKE|DROP|CREATE|UPDATE|DELETE|TRUNCATE|INSERT|SELECT';
  return [...text.matchAll(new RegExp(`\\b(?:${verbs})\\b[^.;\`]*`, 'g'))].flatMap(([statement]) =>
    [...statement.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name),
  );
}

test('a name in a statement that is not quoted is found', () => {
  assert.deepEqual(namesInStatements('Run: GRANT {owner} TO {roleSql}; as {admin}'), [
    'owner',
    'roleSql',
  ]);
  assert.deepEqual(namesInStatements('Drop {this}, or run `{sql}` of {table}'), []);
});

test('every name in a statement that an error suggests comes quoted', () => {
  for (const [code, { message, hint }] of Object.entries(CATALOGUE)) {
    for (const name of namesInStatements(`${message} ${hint}`)) {
      assert.match(name, /Sql$/, `${code}: {${name}} has to be an SQL identifier or literal`);
    }
  }
});
