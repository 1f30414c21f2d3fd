import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { optionEntries } from './option-table.ts';
import { configSchema } from './schema.ts';

/** The paths of all values in a schema, in its order; `*` for names that the user chooses. */
function pathsOf(schema: z.core.$ZodType, path: readonly string[] = []): readonly string[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault) {
    return pathsOf(schema.def.innerType, path);
  }
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.def.shape).flatMap(([key, inner]) =>
      pathsOf(inner as z.core.$ZodType, [...path, key]),
    );
  }
  if (schema instanceof z.ZodRecord) return pathsOf(schema.def.valueType, [...path, '*']);
  if (schema instanceof z.ZodUnion) {
    return schema.def.options.flatMap((option) => pathsOf(option, path));
  }
  return [path.join('.')];
}

test('the schema checks exactly the options of the table, in its order', () => {
  assert.deepEqual(
    pathsOf(configSchema),
    optionEntries().map(([path]) => path),
  );
});

test('variables follow from paths, flags too, and every default says why', () => {
  for (const [path, entry] of optionEntries()) {
    const words = path.replace(/[A-Z]/g, (letter) => `_${letter}`).replaceAll('.', '_');
    if (entry.env !== undefined) assert.equal(entry.env, `TIDINGS_${words.toUpperCase()}`);
    if (entry.flag !== undefined) {
      assert.equal(entry.flag.split(' ')[0], `--${words.replaceAll('_', '-').toLowerCase()}`);
      assert.ok(entry.env !== undefined, `${path} has a flag and no variable`);
    }
    if (entry.default !== undefined) assert.ok(entry.reason, `${path} gives no reason`);
  }
});
