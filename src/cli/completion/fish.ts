import type { CommandWords, OptionWords, ValueKind } from './command-words.ts';

/** Completion for fish: one rule per word and option, each for the command that it belongs to. */
export function fishScript(commands: readonly CommandWords[]): string {
  return `# Completion of tidings for fish.
function __tidings_command
    set -l command ''
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            # The value of an option, and no command.
            set skip 0
        else if contains -- "$command $word" ${paths(commands)}
            set command (string trim -- "$command $word")
        else if contains -- "$command $word" ${valued(commands)}
            set skip 1
        end
    end
    echo $command
end

function __tidings_at
    test (__tidings_command) = "$argv[1]"
end

complete -c tidings -f
${commands.flatMap(rulesOf).join('\n')}
`;
}

/** What is written before the name of a command, and the name: ` log`, `log verify`. */
function paths(commands: readonly CommandWords[]): string {
  return commands
    .filter(({ path }) => path !== '')
    .map(({ path }) => quoted(path.includes(' ') ? path : ` ${path}`))
    .join(' ');
}

/** The same for options that take a value. */
function valued(commands: readonly CommandWords[]): string {
  return commands
    .flatMap(({ path, options }) =>
      options.flatMap(({ flags, value }) =>
        value === null ? [] : flags.map((flag) => quoted(`${path} ${flag}`)),
      ),
    )
    .join(' ');
}

function rulesOf({ path, next, options }: CommandWords): readonly string[] {
  const at = `complete -c tidings -n '__tidings_at "${path}"'`;
  return [
    ...next.map(({ word, description }) => `${at} -a ${quoted(word)} -d ${quoted(description)}`),
    ...options.map((option) => `${at}${optionRule(option)}`),
  ];
}

function optionRule({ flags, description, value }: OptionWords): string {
  const names = flags.map((flag) =>
    flag.startsWith('--') ? ` -l ${flag.slice(2)}` : ` -s ${flag.slice(1)}`,
  );
  return `${names.join('')}${valueRule(value)} -d ${quoted(description)}`;
}

function valueRule(value: ValueKind | null): string {
  if (value === null) return '';
  if (value === 'any') return ' -x';
  if (value === 'file') return ' -r -F';
  if (value === 'folder') return " -x -a '(__fish_complete_directories)'";
  return ` -x -a ${quoted(value.join(' '))}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`;
}
