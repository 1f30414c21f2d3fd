import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from 'commander';
import { recordedIo } from '../../test/recorded-io.ts';
import { CATALOGUE } from '../errors/catalogue.ts';
import { createProgram } from './run.ts';
import { SERVICES } from './services.ts';

const program = createProgram({ io: recordedIo(), services: SERVICES, exitWith: () => undefined });

/** What is wrong with a command line that a hint tells people to type; null when nothing is. */
function complaint(line: string): string | null {
  const [, ...words] = line.split(/\s+/);
  let command: Command = program;
  let valueFollows = false;
  let given = 0;
  for (const word of words) {
    const next = command.commands.find((each) => each.name() === word);
    if (valueFollows) {
      valueFollows = false;
      continue;
    }
    if (next !== undefined) {
      command = next;
      continue;
    }
    // What lists without its subcommand takes what `list` takes.
    command = command.commands.find((each) => each.name() === 'list') ?? command;
    if (word.startsWith('--')) {
      const option = command.options.find((each) => each.long === word);
      if (option === undefined && word !== '--help') return `${command.name()} has no ${word}`;
      valueFollows = option?.required === true;
    } else if (command.registeredArguments.length === 0) {
      return `${command.name()} has no ${word}`;
    } else given += 1;
  }
  const needed = command.registeredArguments.filter(({ required }) => required).length;
  if (words.includes('--help') || given >= needed) return null;
  return `${command.name()} needs ${needed === 1 ? 'an argument' : `${needed} arguments`}`;
}

test('a hint that could not be typed is found', () => {
  assert.equal(complaint('tidings start --accept-gap {source}'), null);
  assert.equal(complaint('tidings log trim --keep-bytes N'), null);
  assert.equal(complaint('tidings restart'), 'tidings has no restart');
  assert.equal(complaint('tidings log verify --fix'), 'verify has no --fix');
  assert.equal(complaint('tidings deliveries show {name}'), 'show needs 2 arguments');
  assert.equal(complaint('tidings deliveries'), null);
  assert.equal(complaint('tidings deliveries replay --help'), null);
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
