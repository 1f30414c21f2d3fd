import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '..', '..');
const CHANGE = join(ROOT, 'src', 'change');

/**
 * Checks TypeScript files in a folder as strictly as it goes.
 * @returns what the compiler has against them; empty for nothing.
 */
export async function compile(
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  // Only what types of rows need of the package: all of it takes the compiler ten times as long. The
  // packed package as a whole is compiled in test/package.test.ts.
  writeFileSync(
    join(folder, 'tidings.ts'),
    `export type * from '${join(CHANGE, 'typed-change.ts')}';
export type { ArrayValue, JsonValue } from '${join(CHANGE, 'dialect.ts')}';
`,
  );
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    isolatedModules: true,
    verbatimModuleSyntax: true,
    noEmit: true,
    declaration: true,
    allowImportingTsExtensions: true,
    target: 'es2024',
    lib: ['es2024', 'esnext.disposable'],
    module: 'nodenext',
    types: [],
    paths: { tidings: ['./tidings.ts'] },
  };
  const settings = { compilerOptions, files: Object.keys(files) };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
  return await promisify(execFile)(tsc, ['-p', '.'], { cwd: folder }).then(
    ({ stdout }) => stdout,
    (error: { stdout: string }) => error.stdout,
  );
}
