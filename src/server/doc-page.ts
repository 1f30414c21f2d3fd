import { readFile } from 'node:fs/promises';

/** Folders of the package's documentation that texts name pages of. */
export const DOC_FOLDERS = ['guide', 'internals', 'reference'] as const;

const PAGE = /^[\w-]+\.md$/;

/** A page of the documentation as it lies in the package; null when there is none of that name. */
export async function readDocPage(folder: string, page: string): Promise<string | null> {
  // Nothing else may be asked for, however it is written.
  if (!DOC_FOLDERS.some((known) => known === folder) || !PAGE.test(page)) return null;
  const file = new URL(`../../docs/${folder}/${page}`, import.meta.url);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
