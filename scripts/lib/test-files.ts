import { globSync } from 'node:fs';
import { relative } from 'node:path';

/**
 * The project's own test files: all, or those whose path begins with one of these. Not those of
 * packages that a benchmark has installed beside itself.
 * @param wanted as they are typed in the root folder.
 */
export function findTestFiles(root: string, wanted: readonly string[]): readonly string[] {
  const paths = wanted.map((path) => relative('.', path));
  return globSync(['src/**/*.test.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts'], {
    cwd: root,
    exclude: ['**/node_modules/**'],
  })
    .filter((file) => paths.length === 0 || paths.some((path) => file.startsWith(path)))
    .sort();
}
