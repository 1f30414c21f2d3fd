import { TidingsError } from '../errors/tidings-error.ts';

/** Which part of a log is gone. */
export interface Pruned {
  readonly source: string;
  /** The one that was asked for. */
  readonly offset: number;
  readonly floor: number;
}

/**
 * Says that a part of a log was removed.
 * @param aside what is left of it all the same, and what that can be used for; sentences.
 */
export function logPruned(
  { source, offset, floor }: Pruned,
  aside: { readonly kept: string; readonly way: string } = { kept: '', way: '' },
): TidingsError<'LOG_PRUNED'> {
  const { kept, way } = aside;
  return new TidingsError('LOG_PRUNED', { source, offset, floor, kept, way });
}
