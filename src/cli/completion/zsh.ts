import type { CommandWords, OptionWords, ValueKind } from './command-words.ts';

/**
 * Completion for zsh. Sourced, it registers itself; as a file `_tidings` in a folder of `fpath` it is
 * loaded when it is first needed.
 */
export function zshScript(commands: readonly CommandWords[]): string {
  return `#compdef tidings
# Completion of tidings for zsh.
_tidings_words() {
  next=() options=() valued=()
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
  local command='' index word
  local -a next options valued
  _tidings_words ''
  for ((index = 2; index < CURRENT; index++)); do
    word=$words[index]
    if (( $valued[(Ie)$word] )); then
      # What follows such an option is its value, and no command.
      (( ++index == CURRENT )) && { _tidings_values "$command" "$word"; return }
    elif [[ $word != -* && -n \${(M)next:#$word:*} ]]; then
      command=\${command:+$command }$word
      _tidings_words "$command"
    fi
  done
  if [[ $words[CURRENT] == --*=* ]]; then
    word=\${words[CURRENT]%%=*}
    compset -P '*='
    _tidings_values "$command" "$word"
  elif [[ $words[CURRENT] == -* ]]; then
    _describe -o option options
  else
    _describe command next
  fi
}

if [[ $funcstack[1] == _tidings ]]; then _tidings "$@"; else compdef _tidings tidings; fi
`;
}

function wordsOf({ path, next, options }: CommandWords): string {
  const words = next.map(({ word, description }) => described(word, description));
  const all = options.flatMap(({ flags, description }) =>
    flags.map((flag) => described(flag, description)),
  );
  const valued = options.flatMap(({ flags, value }) => (value === null ? [] : flags));
  return `    ${quoted(path)})
      next=(${words.join(' ')})
      options=(${all.join(' ')})
      valued=(${valued.join(' ')}) ;;`;
}

/** The first colon ends the word; no word of ours has one. */
function described(word: string, description: string): string {
  return quoted(`${word}:${description}`);
}

function valuesOf({ path, options }: CommandWords): readonly string[] {
  return options.flatMap(({ flags, value }: OptionWords) => {
    const line = offer(value);
    if (line === null) return [];
    return [`    ${flags.map((flag) => quoted(`${path} ${flag}`)).join('|')}) ${line} ;;`];
  });
}

function offer(value: ValueKind | null): string | null {
  if (value === null || value === 'any') return null;
  if (value === 'file') return '_files';
  if (value === 'folder') return '_files -/';
  return `compadd -- ${value.join(' ')}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
