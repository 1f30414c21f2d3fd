import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs a command in a process group of its own, and leaves nothing of it behind: what its processes
 * have started is ended with them, also when they were interrupted in the middle.
 * @param signal its reason is the name of the signal that the command gets first.
 * @returns the exit code; null when a signal ended it.
 */
export async function runInGroup(
  [command, ...args]: readonly [string, ...string[]],
  { env, signal }: { readonly env: NodeJS.ProcessEnv; readonly signal: AbortSignal },
): Promise<number | null> {
  // Windows has no process groups; there Ctrl-C reaches everything in the console by itself.
  const detached = process.platform !== 'win32';
  const child = spawn(command, args, { stdio: 'inherit', env, detached });
  signal.addEventListener('abort', () => child.kill(signal.reason as NodeJS.Signals));
  const [code] = (await once(child, 'exit')) as [number | null];
  if (detached && child.pid !== undefined) endGroup(child.pid);
  return code;
}

function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    // Nobody is left.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
