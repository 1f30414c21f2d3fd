import type { Shell } from './shells.ts';

/**
 * Has `tidings` run what a package manager runs, where no `tidings` is on the path: shells complete a
 * command by its first word, and that of `npx tidings` is npx, which is not ours to complete.
 * @param begun how this command was begun: `npx tidings`.
 */
export function runBy(begun: string, shell: Shell): string {
  // In a folder without it, npx would ask the registry for a package of that name.
  const run = begun.replace(/^npx /, 'npx --no ');
  if (shell !== 'fish') {
    return `\ncommand -v tidings >/dev/null || tidings() { ${run} "$@"; }\n`;
  }
  return `
if not type -q tidings
    function tidings
        ${run} $argv
    end
end
`;
}
