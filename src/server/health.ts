/** What `/healthz` answers: the process is up and its event loop turns. */
export const HEALTHY = { status: 'ok' } as const;
