import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pointAt } from './statement.ts';

test('the caret stands under the place that the database names', () => {
  assert.deepEqual(pointAt('select * form t', 10), ['select * form t', '         ^']);
});

test('of several lines the one with the mistake is shown', () => {
  assert.deepEqual(pointAt('select *\n\tform t\nwhere true', 11), [' form t', ' ^']);
});

test('positions count characters, of which some take two units', () => {
  assert.deepEqual(pointAt("select '😀' form t", 12), ["select '😀' form t", '           ^']);
});

test('a position behind the end points behind the end', () => {
  assert.deepEqual(pointAt('select (', 9), ['select (', '        ^']);
});
