import { Argument, type Command } from 'commander';
import { bashScript } from './completion/bash.ts';
import { type CommandWords, commandWords } from './completion/command-words.ts';
import { fishScript } from './completion/fish.ts';
import { runBy } from './completion/run-by.ts';
import { type Shell, SHELLS } from './completion/shells.ts';
import { zshScript } from './completion/zsh.ts';
import { complete, type DeclareCommand, printJson } from './command.ts';

const SCRIPTS: Readonly<Record<Shell, (commands: readonly CommandWords[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** The script that completes `tidings` in a shell, made from the commands themselves. */
export function completionScript(program: Command, shell: Shell): string {
  return SCRIPTS[shell](commandWords(program));
}

export const declareCompletion: DeclareCommand = (program, runtime) => {
  const command = program
    .command('completion')
    .summary('Print what completes commands in a shell')
    .description(
      'Prints the script with which a shell completes commands, options and their fixed values, behind the word `tidings`. Printed by npx, pnpm or yarn it also has `tidings` run by them where it is not on the path.',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS));
  const examples = [
    ['tidings completion bash > ~/.tidings.bash', 'in ~/.bashrc: source ~/.tidings.bash'],
    [
      'tidings completion zsh > ~/.tidings.zsh',
      'in ~/.zshrc, after compinit: source ~/.tidings.zsh',
    ],
    ['tidings completion fish > ~/.config/fish/conf.d/tidings.fish', 'loaded from there'],
  ] as const;
  const json = '{"shell", "script"}';
  complete(command, runtime, { config: false, flags: [], json, examples }, (context, _, [name]) => {
    const shell = name as Shell;
    const { name: begun } = context.commands;
    const own = completionScript(program, shell);
    const script = begun === 'tidings' ? own : own + runBy(begun, shell);
    if (context.json) printJson(context.io, { shell, script });
    else context.io.stdout.write(script);
    return Promise.resolve(0);
  });
};
