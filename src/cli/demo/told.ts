import { z } from 'zod';

const toldSchema = z.object({
  at: z.string(),
  server: z.string(),
  operation: z.enum(['insert', 'update', 'delete', 'truncate']),
  done: z.string(),
  account: z
    .object({ dba: z.string(), gid: z.string(), address: z.string(), quotaBytes: z.string() })
    .nullable(),
  change: z.string(),
  offset: z.number(),
  afterCommitMs: z.number(),
});

/** One call of a mail server's handler, as the mail server printed it (`examples/mail-server`). */
export type Told = z.infer<typeof toldSchema>;

/** Reads a line that a mail server printed; null when it is something else, such as a log line. */
export function parseTold(line: string): Told | null {
  if (!line.startsWith('{')) return null;
  try {
    return toldSchema.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    // Not JSON: a line that a library or Node.js itself printed.
    return null;
  }
}
