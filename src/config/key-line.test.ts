import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lineOfKey } from './key-line.ts';

const URL = ['sources', 'main', 'url'];

/** A value in which the path is there. */
function holding(path: readonly string[]): unknown {
  return path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), 7);
}

function line(file: string, text: string, path: readonly string[] = URL): number | null {
  return lineOfKey(file, text, holding(path), path);
}

test('JSON: the line of the name, whatever else is called so', () => {
  const text = `{
  "url": "main", "dataDir": "sources",
  "sources": {
    "other": { "url": "x" },
    "main": {
      "tables": ["url", { "url": 1 }],
      "url"
        : 7
    }
  }
}`;
  assert.equal(line('a.json', text), 7);
  assert.equal(line('a.json', text, ['sources', 'main', 'tables']), 6);
  assert.equal(line('a.json', text, ['url']), 2);
});

test('of what is missing the line is told of what it should be in', () => {
  const text = '{\n  "subscriptions": {\n    "crm": {}\n  }\n}';
  const written = { subscriptions: { crm: {} } };
  assert.equal(lineOfKey('a.json', text, written, ['subscriptions', 'crm', 'to', 'handler']), 3);
  assert.equal(lineOfKey('a.json', text, written, ['sources']), null);
  assert.equal(lineOfKey('a.json', text, written, []), null);
});

/** What says where the key is, and on which line it is. */
const KNOWN: readonly (readonly [file: string, text: string, line: number])[] = [
  ['a.mjs', 'export default {\n  sources: {\n    main: { url: 7 },\n  },\n};', 3],
  ['a.ts', 'export default defineConfig({\n\'sources\': {\n"main": {\n\n url: 7 } } });', 5],
  [
    'a.ts',
    'export default {\n sources: { main: { url: 7 as string } } } satisfies ConfigInput;',
    2,
  ],
  ['a.ts', 'export default ({\n sources: { main: { url: 7 } } } as const)', 2],
  [
    'a.ts',
    'const config: ConfigInput = {\n sources: { main: { url: 7 } },\n};\nexport default config;',
    2,
  ],
  [
    'a.ts',
    'interface A { url: string }\nconst config = {\n sources: { main: { url: 7 } } };\nexport default defineConfig(config);',
    3,
  ],
  ['a.cjs', 'module.exports = {\n sources: { main: { url: 7 } } };', 2],
  ['a.cjs', 'exports.default = {\n sources: { main: { url: 7 } } };', 2],
  [
    'a.mjs',
    'export default {\n // sources: { main: { url: 1 } }\n sources: { main: { url: 7 } } }',
    3,
  ],
  ['a.mjs', 'export default {\n a: `{ ${`}`} \n`, b: "}", sources: { main: { url: 7 } } }', 3],
  ['a.mjs', 'export default {\n where: /[/"}]/.source,\n sources: { main: { url: 7 } } }', 3],
  ['a.mjs', 'export default { ...common,\n sources: { main: { ...local,\n url: 7 } } }', 3],
  [
    'a.mjs',
    'export default { sources: { main: {\n url: 1,\n tables: [{ url: 1 }],\n url: 7 } } }',
    4,
  ],
  ['a.mjs', 'export default { on(a) { return { url } },\n sources: { main: {\n url: 7 } } }', 3],
  ['a.mjs', 'if (a) /"/.test(b);\nexport default { sources: { main: { url: 7 } } };', 2],
  ['a.mjs', "import x from 'y'\nconst url = 7\nexport default { sources: { main: {\n url } } }", 4],
];

for (const [file, text, expected] of KNOWN) {
  test(`known: ${JSON.stringify(text)}`, () => assert.equal(line(file, text), expected));
}

/** What does not: the value may be another one, written elsewhere, or by a program. */
const UNKNOWN: readonly (readonly [file: string, text: string])[] = [
  ['a.mjs', 'export default { sources: { main: { url: 1, ...local } } };'],
  ['a.mjs', 'export default { sources: { main: { url: 1 } }, ...common };'],
  ['a.mjs', 'export default { sources: { main: { url: 1, [name]: 7 } } };'],
  ['a.mjs', 'export default { sources: { main: { url: 1, get url() { return 7 } } } };'],
  ['a.mjs', 'export default { sources };'],
  ['a.mjs', 'export default { sources: { main: local } };'],
  ['a.mjs', 'export default { sources: { main: { url: 1 } && local } };'],
  ['a.mjs', 'export default { sources: { main: { url: 1 } } }.production;'],
  ['a.mjs', 'export default merge({ sources: { main: { url: 1 } } }, local);'],
  ['a.mjs', 'export default { sources: { main: { url: 1 } } } || local;'],
  ['a.mjs', 'const a = { sources: { main: { url: 1 } } };\na.sources = 7;\nexport default a;'],
  ['a.mjs', 'let a = { sources: { main: { url: 1 } } };\nexport default a;'],
  ['a.mjs', 'const a = { sources: { main: { url: 1 } } };\nexport { a as default };'],
  ['a.cjs', 'module.exports = { sources: { main: { url: 1 } } };\nmodule.exports.sources = 7;'],
  ['a.cjs', 'if (x) { module.exports = { sources: { main: { url: 1 } } } }'],
  ['a.cjs', 'module.exports = module.exports = { sources: { main: { url: 1 } } };'],
  ['a.mjs', 'export default { sources: { main: { url: 1'],
  ['a.mjs', 'export default { sources: ) { main: { url: 1'],
  ['a.mjs', "const a = 'b\nexport default { sources: { main: { url: 1 } } };"],
  ['a.ts', 'enum A { url }\nexport default { sources: { main: { url: 1 } } };'],
  ['a.mjs', ''],
];

for (const [file, text] of UNKNOWN) {
  test(`not known: ${JSON.stringify(text)}`, () => assert.equal(line(file, text), null));
}

test('what is JSON is found alike in a file of either form', () => {
  const plain = fc.stringMatching(/^[^\\"\p{Cc}]{0,8}$/u).filter((name) => name !== '__proto__');
  const leaf = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null));
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(plain, tie('tree'), { maxKeys: 3 }),
    ),
  }));
  fc.assert(
    fc.property(
      fc.dictionary(plain, tree, { maxKeys: 3 }),
      fc.constantFrom(0, 2),
      (written, indent) => {
        const text = JSON.stringify(written, null, indent);
        for (const path of pathsOf(written)) {
          const found = lineOfKey('a.json', text, written, path);
          const shown = text.split('\n')[(found ?? 0) - 1] ?? '';
          assert.ok(shown.includes(`${JSON.stringify(path.at(-1))}:`), text);
          assert.equal(lineOfKey('a.mjs', `export default ${text}`, written, path), found, text);
        }
      },
    ),
  );
});

/** The paths of all members that are in no list. */
function pathsOf(value: unknown): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => [
    [name],
    ...pathsOf(inner).map((path) => [name, ...path]),
  ]);
}
