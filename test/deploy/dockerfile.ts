import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DockerfileParser, type Instruction } from 'dockerfile-ast';

export const ROOT = join(import.meta.dirname, '../..');
export const DOCKERFILE = readFileSync(join(ROOT, 'deploy/Dockerfile'), 'utf8');

/** What a container of the image is started with. */
export interface Image {
  readonly from: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
  readonly healthOptions: Readonly<Record<string, string>>;
  readonly user: string;
  readonly workdir: string;
  readonly volumes: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** From the stage that builds: where from, where to. */
  readonly copied: readonly (readonly [from: string, to: string])[];
}

/** The last stage of the Dockerfile. */
export function readImage(text: string = DOCKERFILE): Image {
  const all = DockerfileParser.parse(text).getInstructions();
  const stages = all.filter((each) => each.getKeyword() === 'FROM');
  const begins = stages.at(-1)?.getRange().start.line ?? 0;
  const instructions = all.filter((each) => each.getRange().start.line >= begins);
  const [health] = withKeyword(instructions, 'HEALTHCHECK');
  return {
    from: argumentsOf(instructions[0])[0] ?? '',
    entrypoint: execForm(instructions, 'ENTRYPOINT'),
    command: execForm(instructions, 'CMD'),
    healthcheck: readWords(argumentsOf(health).slice(argumentsOf(health).indexOf('CMD') + 1)),
    healthOptions: Object.fromEntries(
      [...(health?.toString().matchAll(/--([a-z-]+)=(\S+)/g) ?? [])].map(([, name, value]) => [
        name,
        value,
      ]),
    ) as Record<string, string>,
    user: single(instructions, 'USER'),
    workdir: single(instructions, 'WORKDIR'),
    volumes: withKeyword(instructions, 'VOLUME').flatMap(argumentsOf),
    env: Object.fromEntries(
      withKeyword(instructions, 'ENV')
        .flatMap(argumentsOf)
        .map((written) => {
          const sign = written.indexOf('=');
          return [written.slice(0, sign), written.slice(sign + 1)];
        }),
    ),
    copied: withKeyword(instructions, 'COPY').map((copy) => {
      const [from = '', to = ''] = argumentsOf(copy).filter((each) => !each.startsWith('--'));
      return [from, to];
    }),
  };
}

export function withKeyword(
  instructions: readonly Instruction[],
  keyword: string,
): readonly Instruction[] {
  return instructions.filter((each) => each.getKeyword() === keyword);
}

export function argumentsOf(instruction: Instruction | undefined): readonly string[] {
  return instruction?.getArguments().map((argument) => argument.getValue()) ?? [];
}

function single(instructions: readonly Instruction[], keyword: string): string {
  return argumentsOf(withKeyword(instructions, keyword).at(-1)).join(' ');
}

function execForm(instructions: readonly Instruction[], keyword: string): readonly string[] {
  return readWords(argumentsOf(withKeyword(instructions, keyword).at(-1)));
}

/** The exec form is JSON; anything else would run in a shell, which takes the signals for itself. */
function readWords(written: readonly string[]): readonly string[] {
  return JSON.parse(written.join(' ')) as string[];
}
