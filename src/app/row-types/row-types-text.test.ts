import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ValueForm } from '../../change/dialect.ts';
import type { TypedColumn, TypedTable } from '../../source/typed-table.ts';
import { interfaceNames } from './interface-names.ts';
import { differentLine, isRowTypes, isSameRowTypes, rowTypesText } from './row-types-text.ts';

const TEXT: ValueForm = { types: ['string'], array: false };

function column(name: string, more: Partial<TypedColumn> = {}): TypedColumn {
  return { name, form: TEXT, nullable: false, leftOut: false, comment: null, ...more };
}

function table(name: string, columns: readonly TypedColumn[], schema = 'public'): TypedTable {
  return { schema, name, comment: null, key: [], columns };
}

test('the file: columns and tables by name, whatever the order they come in', () => {
  const orders: TypedTable = {
    schema: 'public',
    name: 'orders',
    comment: 'What was sold.',
    key: ['id'],
    columns: [
      column('total', { comment: 'With tax.' }),
      column('id', { form: { types: ['number', 'string'], array: false } }),
      column('tags', { form: { types: ['string'], array: true }, nullable: true }),
      column('note', { nullable: true, leftOut: true }),
      column('doc', { form: { types: ['json'], array: false }, nullable: true }),
    ],
  };
  const audit = table('audit', [], 'shop');
  const command = 'tidings types --out t.ts';
  const { text, tables } = rowTypesText([audit, orders], { command });
  assert.equal(
    text,
    `// Made by \`tidings types --out t.ts\`. Changes here are lost.
/* eslint-disable */

import type { ArrayValue, JsonValue } from 'tidings';

/**
 * What was sold.
 *
 * Key: id.
 *
 * Optional: a large value that an update did not change is left out.
 */
export interface Orders {
  readonly doc: JsonValue;
  readonly id: number | string;
  readonly note?: string | null;
  readonly tags: ArrayValue<string> | null;
  /** With tax. */
  readonly total: string;
}

/** No key. */
export interface ShopAudit {
  readonly [column: string]: never;
}

/** The types of rows by the names of their tables. */
export interface Tables {
  'public.orders': Orders;
  'shop.audit': ShopAudit;
}

declare module 'tidings' {
  interface TidingsTables extends Tables {}
}
`,
  );
  assert.deepEqual(tables, [
    { table: 'public.orders', type: 'Orders' },
    { table: 'shop.audit', type: 'ShopAudit' },
  ]);
  const turned = { ...orders, columns: orders.columns.toReversed() };
  assert.equal(rowTypesText([turned, audit], { command }).text, text);
  const alone = rowTypesText([audit, orders], { command, declared: false }).text;
  assert.equal(alone, text.replace(/\ndeclare module [^]*$/, ''));
});

test('names of interfaces: words, other schemas, and clashes', () => {
  const named = (...names: readonly string[]): string =>
    interfaceNames(
      names.map((name) => {
        const [schema = '', rest = ''] = name.split('/');
        return { schema, name: rest };
      }),
      ['Tables', 'JsonValue'],
    ).join(' ');
  assert.equal(named('public/mail_users', 'public/Mail', 'public/url'), 'MailUsers Mail Url');
  assert.equal(named('public/sales_orders', 'sales/orders'), 'SalesOrders SalesOrders2');
  // A number that a table has by itself is not given to another one.
  assert.equal(named('public/a_b', 'public/aB', 'public/a_b2'), 'AB AB3 AB2');
  assert.equal(named('public/tables', 'public/json_value'), 'Tables2 JsonValue2');
  assert.equal(
    named('public/2fa', 'public/!!', 'public/größe', 'public/表'),
    'Table2fa Table Größe 表',
  );
});

test('tables whose names read alike with their schemas have an interface each', () => {
  const tables = [table('c', [column('one')], 'a.b'), table('b.c', [column('two')], 'a')];
  const { text, tables: named } = rowTypesText(tables, { command: 'tidings types' });
  assert.deepEqual(named.map(({ type }) => type).toSorted(), ['ABC', 'ABC2']);
  assert.equal(new Set(named.map((each) => each.table)).size, 2);
  assert.match(text, /export interface ABC \{\n {2}readonly two:/);
  assert.match(text, /export interface ABC2 \{\n {2}readonly one:/);
});

test('whatever a database holds is a name or a comment, and nothing else', () => {
  const { text } = rowTypesText(
    [
      {
        ...table('x*/"', [
          column("it's", { comment: 'first */ declare\n\n*/ second' }),
          column('line\nbreak\u2028\u202e'),
          column('new'),
          column('__proto__'),
          column('\\'),
          column('e', { form: { types: [{ literal: "a'\\\n" }], array: false } }),
          column('none', { form: { types: [], array: false }, nullable: true }),
        ]),
        comment: '/* */ @deprecated',
      },
    ],
    { command: "tidings types --table 'a\nb'" },
  );
  assert.equal(
    text.split('\n')[0],
    "// Made by `tidings types --table 'a\\u000ab'`. Changes here are lost.",
  );
  assert.match(text, /^ {3}\* first \*\\\/ declare$/m);
  assert.match(text, /^ {2}readonly 'it\\'s': string;$/m);
  assert.match(text, /^ {2}readonly 'line\\u000abreak\\u2028\\u202e': string;$/m);
  assert.match(text, /^ {2}readonly new: string;$/m);
  assert.match(text, /^ {2}readonly __proto__: string;$/m);
  assert.match(text, /^ {2}readonly '\\\\': string;$/m);
  assert.match(text, /^ {2}readonly e: 'a\\'\\\\\\u000a';$/m);
  assert.match(text, /^ {2}readonly none: null;$/m);
  assert.match(text, /^ {2}'public\."x\*\/"""': X;$/m);
  // Nothing ends a comment but its own end.
  const code = text.replaceAll(/'(?:[^'\\]|\\.)*'/g, '');
  assert.equal(code.match(/\*\//g)?.length, code.match(/\/\*\*|\/\* eslint/g)?.length, text);
});

test('files are compared without the command, and without what a checkout does to line ends', () => {
  const one = rowTypesText([table('a', [column('x')])], { command: 'tidings types' }).text;
  const other = rowTypesText([table('a', [column('x')])], {
    command: 'tidings types --config c.ts',
  }).text;
  assert.ok(isRowTypes(one));
  assert.ok(!isRowTypes(`\n${one}`));
  assert.ok(isSameRowTypes(one, other.replaceAll('\n', '\r\n')));
  assert.equal(differentLine(one, other), null);
  const changed = one.replace('string', 'number');
  assert.ok(!isSameRowTypes(one, changed));
  assert.equal(differentLine(one, changed), 8);
  assert.equal(differentLine(one, `${one}\n`), one.split('\n').length + 1);
});
