import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { needs } from '../../test/support/needs.ts';
import { recordedIo } from '../../test/support/recorded-io.ts';
import { completionScript } from './completion.ts';
import { type Shell, SHELLS } from './completion/shells.ts';
import { commandWords } from './completion/command-words.ts';
import { createProgram, run } from './run.ts';
import { SERVICES } from './services.ts';

const directory = mkdtempSync(join(tmpdir(), 'tidings-completion-'));
after(() => rmSync(directory, { recursive: true }));
mkdirSync(join(directory, 'two words'));
writeFileSync(join(directory, 'some.config.ts'), '');

const program = createProgram({
  io: recordedIo(),
  services: SERVICES,
  exitWith: () => undefined,
});

/** What a shell offers for each line, typed with the cursor at its end. */
type Offers = (script: string, lines: readonly string[]) => readonly string[];

const OFFERS: Readonly<Record<Shell, Offers>> = { bash: askBash, zsh: askZsh, fish: askFish };

/** Cases that are not in the tree as such: values, and words that only look like a command. */
const CASES: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ['tidings lo', ['log']],
  ['tidings log v', ['verify']],
  ['tidings help sta', ['start', 'status']],
  ['tidings completion ', ['bash', 'zsh', 'fish']],
  ['tidings find --operation ', ['insert', 'update', 'delete', 'truncate']],
  ['tidings find --operation=de', ['delete']],
  ['tidings find --operation insert --operation u', ['update']],
  ['tidings subscriptions create crm --operation t', ['truncate']],
  ['tidings undo --on-conflict s', ['skip']],
  ['tidings table accounts --format ', ['table', 'csv', 'ndjson']],
  ['tidings start --log-level d', ['debug']],
  ['tidings start --config log --log-level=si', ['silent']],
  // Without its `list` the command takes the same options, and a value is no command.
  ['tidings deliveries --st', ['--state']],
  ['tidings deliveries --state parked sh', ['show']],
  ['tidings deliveries --after list sh', ['show']],
  ['tidings log --no-such v', ['verify']],
  ['tidings status --config som', ['some.config.ts']],
  ['tidings status --data-dir tw', ['two words']],
  // No value of these is known.
  ['tidings history ', []],
  ['tidings undo --transaction ', []],
];

const COMMANDS: Readonly<Record<Shell, string>> = {
  bash: 'apt-get install bash',
  zsh: 'apt-get install zsh',
  fish: 'apt-get install fish',
};

for (const shell of SHELLS) {
  test(`${shell} completes every command, option and fixed value`, (context) => {
    const there = spawnSync(shell, ['--version']).status === 0;
    if (!needs(context, there, shell, COMMANDS[shell])) return;
    const tree = commandWords(program).flatMap(({ path, next, options }) => {
      const line = path === '' ? 'tidings' : `tidings ${path}`;
      const flags = options.flatMap((option) => option.flags);
      const words = [`${line} `, next.map(({ word }) => word)] as const;
      // Fish would take the sign for a part of a word, such as trigger-test.
      return flags.length === 0 ? [words] : [words, [`${line} -`, flags] as const];
    });
    const cases = [...tree, ...CASES];
    const offers = OFFERS[shell](
      completionScript(program, shell),
      cases.map(([line]) => line),
    );
    assert.deepEqual(
      offers,
      cases.map(([line, offered]) => told(line, offered)),
    );
  });
}

test('fixed values are where the parsers refuse others', () => {
  const fixed = commandWords(program).flatMap(({ path, options }) =>
    options.flatMap(({ flags, value }) =>
      Array.isArray(value) ? [`${path} ${flags.at(-1)}: ${value.join(' ')}`] : [],
    ),
  );
  const operations = 'insert update delete truncate';
  assert.deepEqual(fixed, [
    'start --log-level: trace debug info warn error silent',
    `subscriptions create --operation: ${operations}`,
    `subscriptions change --operation: ${operations}`,
    'deliveries --state: retrying blocked parked discarded',
    'deliveries list --state: retrying blocked parked discarded',
    `find --operation: ${operations}`,
    'table --format: table csv ndjson',
    `undo --operation: ${operations}`,
    'undo --on-conflict: refuse skip force cascade',
  ]);
});

test('another shell is refused with those that there are', async () => {
  const io = recordedIo();
  assert.equal(await run(['completion', 'tcsh'], io), 64);
  assert.match(io.written.err, /bash, zsh, fish/);
});

test('--json has the script', async () => {
  const io = recordedIo({ env: { npm_config_user_agent: '' } });
  assert.equal(await run(['completion', 'fish', '--json'], io), 0);
  const { shell, script } = JSON.parse(io.written.out) as { shell: string; script: string };
  assert.equal(shell, 'fish');
  assert.equal(script, completionScript(program, 'fish'));
});

for (const shell of SHELLS) {
  test(`${shell}: who types npx has a \`tidings\` that runs it, with any words`, async (context) => {
    const there = spawnSync(shell, ['--version']).status === 0;
    if (!needs(context, there, shell, COMMANDS[shell])) return;
    const io = recordedIo({ env: { npm_config_user_agent: 'npm/11.6.0 node/v24' } });
    assert.equal(await run(['completion', shell], io), 0);
    const npx = join(directory, 'npx');
    writeFileSync(npx, '#!/bin/sh\nprintf "<%s>" npx "$@"\n', { mode: 0o755 });
    // What registers the completion in zsh is compinit's, and of no interest here.
    const before = shell === 'zsh' ? 'compdef() { :; }\n' : '';
    const input = `${before}${io.written.out}\ntidings status --config 'a b'\n`;
    const [program = '', ...flags] = {
      bash: ['bash', '--norc'],
      zsh: ['zsh', '-f'],
      fish: ['fish', '--no-config'],
    }[shell];
    const file = join(directory, `run-by.${shell}`);
    writeFileSync(file, input);
    const env = { PATH: `${directory}:/usr/bin:/bin`, HOME: directory };
    const out = execFileSync(program, [...flags, file], { encoding: 'utf8', env });
    assert.equal(out, '<npx><--no><tidings><status><--config><a b>');
  });
}

function told(line: string, offered: Iterable<string>): string {
  return `${line}| ${[...new Set(offered)].sort().join(', ')}`;
}

/** Answers that a shell writes one below the other, each line's after its own. */
function answers(output: string): readonly string[] {
  const [, ...parts] = output.split(/^> /m);
  return parts.map((part) => {
    const [line = '', ...offered] = part.split('\n');
    return told(
      line,
      offered.filter((each) => each !== ''),
    );
  });
}

/** As readline calls it; `=` is a word of its own there. */
function askBash(script: string, lines: readonly string[]): readonly string[] {
  const asked = lines.map((line) => {
    const words = line.split(/ |(=)/).filter((word) => word !== undefined);
    const array = words.map((word) => `'${word}'`).join(' ');
    return `echo '> ${line}'; COMP_WORDS=(${array}); COMP_CWORD=${words.length - 1}; _tidings; printf '%s\\n' "\${COMPREPLY[@]}"`;
  });
  // `set -u` and the like of whoever uses it must not matter.
  const text = `set -u\n${script}\ncomplete -p tidings >/dev/null\n${asked.join('\n')}\n`;
  return answers(
    execFileSync('bash', ['--norc'], { cwd: directory, input: text, encoding: 'utf8' }),
  );
}

function askFish(script: string, lines: readonly string[]): readonly string[] {
  const asked = lines.map((line) => `echo '> ${line}'; complete -C '${line}'`);
  const file = join(tmpdir(), `tidings-completion-${process.pid}.fish`);
  writeFileSync(file, `${script}\n${asked.join('\n')}\n`);
  after(() => rmSync(file));
  const output = execFileSync('fish', ['--no-config', file], {
    cwd: directory,
    encoding: 'utf8',
    env: { ...process.env, HOME: directory, XDG_CONFIG_HOME: directory },
  });
  // Behind a tab is what it means; a value comes with its option, a folder with its slash.
  return answers(output.replaceAll(/\t.*$|\/(?=\t)|^--[\w-]+=/gm, ''));
}

/**
 * A real line editor on a terminal of its own, which completes line after line; what is offered goes
 * through `compadd`.
 */
function askZsh(script: string, lines: readonly string[]): readonly string[] {
  const home = join(directory, 'zsh');
  mkdirSync(home);
  const file = (name: string, text: string): string => {
    writeFileSync(join(home, name), text);
    return join(home, name);
  };
  const typed = file('lines', lines.join('\n'));
  const out = file('out', '');
  file(
    '.zshrc',
    `autoload -Uz compinit && compinit -u -D
source ${file('_tidings', script)}
cd ${directory}
compadd() {
  local -a asks hits
  # With these it answers a question of another function, and offers nothing.
  zparseopts -E -a asks O: A: D:
  if (( ! $#asks )); then
    builtin compadd -A hits "$@"
    (( $#hits )) && print -rl -- $hits >>${out}
  fi
  builtin compadd "$@"
}
zle -C offer list-choices _main_complete
ask() {
  local line
  while IFS= read -r line || [[ -n $line ]]; do
    print -r -- "> $line" >>${out}
    BUFFER=$line CURSOR=$#line
    zle offer
  done <${typed}
  exit
}
zle -N zle-line-init ask
`,
  );
  const outer = 'zmodload zsh/zpty; zpty inner zsh -i; while zpty -r inner text; do :; done';
  execFileSync('zsh', ['-f', '-c', outer], {
    timeout: 60_000,
    env: { PATH: process.env['PATH'], ZDOTDIR: home, TERM: 'dumb', HOME: home },
  });
  // What is inserted is quoted where a shell needs it.
  return answers(readFileSync(out, 'utf8').replaceAll('\\ ', ' '));
}
