/** Whether an option has PEM text (RFC 7468) and not the path of a file with it. */
export function isPem(written: string): boolean {
  return written.trimStart().startsWith('-----BEGIN ');
}
