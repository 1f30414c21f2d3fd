/**
 * Ends this process when the one that started it ends, however that happens: the other end of our
 * standard input is closed then. It has to be a pipe.
 */
export function endWithParent(): void {
  process.stdin.resume().once('close', () => process.exit(1));
  process.stdin.unref();
}
