import { shellWord } from '../../errors/shell-word.ts';
import type { CommandWords, OptionWords } from './command-words.ts';

/**
 * Completion for bash, from 3.2 on (macOS): no associative arrays, and nothing of the package
 * bash-completion, which need not be there. `=` breaks words in bash, so a value after it is a word
 * of its own, behind a word that is the sign.
 */
export function bashScript(commands: readonly CommandWords[]): string {
  return `# Completion of tidings for bash.
_tidings_words() {
  next='' flags='' valued=''
  case $1 in
${commands.map(wordsOf).join('\n')}
  esac
}

_tidings_values() {
  case "$1 $2" in
${commands.flatMap(valuesOf).join('\n')}
  esac
}

_tidings() {
  local current=\${COMP_WORDS[COMP_CWORD]} last=$((COMP_CWORD - 1))
  local command='' next flags valued index word
  if [[ $current == '=' ]]; then current=''
  elif [[ \${COMP_WORDS[last]} == '=' ]]; then last=$((last - 1))
  fi
  _tidings_words ''
  for ((index = 1; index < last + 1; index++)); do
    word=\${COMP_WORDS[index]}
    # What follows such an option is its value, and no command.
    if [[ " $valued " == *" $word "* ]]; then
      [[ \${COMP_WORDS[index + 1]} == '=' ]] && index=$((index + 1))
      index=$((index + 1))
    elif [[ $word != -* && " $next " == *" $word "* ]]; then
      command=\${command:+$command }$word
      _tidings_words "$command"
    fi
  done
  COMPREPLY=()
  if [[ " $valued " == *" \${COMP_WORDS[last]} "* ]]; then
    _tidings_values "$command" "\${COMP_WORDS[last]}"
  elif [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$flags $valued" -- "$current"))
  else
    COMPREPLY=($(compgen -W "$next" -- "$current"))
  fi
}

complete -F _tidings tidings
`;
}

function wordsOf({ path, next, options }: CommandWords): string {
  const flags = (taking: boolean): string =>
    options
      .filter(({ value }) => (value !== null) === taking)
      .flatMap((option) => option.flags)
      .join(' ');
  const words = next.map(({ word }) => word).join(' ');
  return `    ${quoted(path)}) next='${words}' flags='${flags(false)}' valued='${flags(true)}' ;;`;
}

function valuesOf({ path, options }: CommandWords): readonly string[] {
  return options.flatMap((option) => {
    const line = reply(option);
    if (line === null) return [];
    const patterns = option.flags.map((flag) => quoted(`${path} ${flag}`)).join('|');
    return [`    ${patterns}) ${line} ;;`];
  });
}

function reply({ value }: OptionWords): string | null {
  if (value === null || value === 'any') return null;
  // Names of files have spaces: line by line, and quoted by bash itself.
  if (value === 'file' || value === 'folder') {
    const kind = value === 'file' ? '-f' : '-d';
    return `compopt -o filenames 2>/dev/null; while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen ${kind} -- "$current")`;
  }
  return `COMPREPLY=($(compgen -W ${shellWord(value.join(' '))} -- "$current"))`;
}

function quoted(text: string): string {
  return `'${text}'`;
}
