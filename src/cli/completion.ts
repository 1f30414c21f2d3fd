import { Argument, type Command } from 'commander';
import { bashScript } from './completion/bash.ts';
import { type CommandWords, commandWords } from './completion/command-words.ts';
import { fishScript } from './completion/fish.ts';
import { zshScript } from './completion/zsh.ts';
import { complete, type DeclareCommand, printJson } from './command.ts';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const satisfies Record<
  string,
  (commands: readonly CommandWords[]) => string
>;

export type Shell = keyof typeof SCRIPTS;

export const SHELLS = Object.keys(SCRIPTS) as Shell[];

/** The script that completes `tidings` in a shell, made from the commands themselves. */
export function completionScript(program: Command, shell: Shell): string {
  return SCRIPTS[shell](commandWords(program));
}

export const declareCompletion: DeclareCommand = (program, runtime) => {
  const command = program
    .command('completion')
    .summary('Print what completes commands in a shell')
    .description(
      'Prints the script with which a shell completes commands, options and their fixed values. The shell has to find the command as `tidings`: a global installation, or a folder of node_modules/.bin on the path.',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS));
  const examples = [
    ['source <(tidings completion bash)', 'in ~/.bashrc'],
    ['source <(tidings completion zsh)', 'in ~/.zshrc, after compinit'],
    ['tidings completion fish | source', 'in ~/.config/fish/config.fish'],
  ] as const;
  const json = '{"shell", "script"}';
  complete(command, runtime, { config: false, flags: [], json, examples }, (context, _, [name]) => {
    const shell = name as Shell;
    const script = completionScript(program, shell);
    if (context.json) printJson(context.io, { shell, script });
    else context.io.stdout.write(script);
    return Promise.resolve(0);
  });
};
