import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** What a measured process says about itself. */
export interface Usage {
  /** Wall time of the measured part, seconds. */
  readonly seconds: number;
  /** Its own CPU time, user and system, in the measured part, seconds. */
  readonly cpuSeconds: number;
  /** Peak resident memory over the whole life of the process, megabytes (10^6). */
  readonly peakMegabytes: number;
}

/**
 * Runs a measured part in a process of its own, so that its CPU time and memory are its own and not
 * the benchmark's. The child's module gets `input` and answers with one value.
 */
export async function measureInChild<Input, Output>(module: string, input: Input): Promise<Output> {
  const child = fork(join(import.meta.dirname, module), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  child.send({ input });
  const answer = once(child, 'message') as Promise<[Output]>;
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${module} ended with code ${String(code)} before it answered`);
  });
  const [output] = await Promise.race([answer, ended]);
  ended.catch(() => undefined); // It ends after its answer, as it should.
  if (child.exitCode === null) await once(child, 'exit');
  return output;
}

/** The other side of {@link measureInChild}. */
export async function answerParent<Input, Output>(
  run: (input: Input) => Promise<Output>,
): Promise<void> {
  const [{ input }] = (await once(process, 'message')) as [{ readonly input: Input }];
  const output = await run(input);
  process.send?.(output, () => process.disconnect());
}

/** Measures one part of this process. */
export async function measureUsage(part: () => Promise<void>): Promise<Usage> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await part();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return {
    seconds,
    cpuSeconds: (user + system) / 1e6,
    peakMegabytes: (process.resourceUsage().maxRSS * 1024) / 1e6,
  };
}
