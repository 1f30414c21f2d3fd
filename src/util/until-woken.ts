/**
 * Waits until it is woken, or until the signal aborts. Never rejects.
 * @param register is called once, at once, unless the signal has aborted; whoever it hands `wake` to
 *   may call it at any time. What it returns takes that back, and is called when the wait ends, in
 *   the same turn: nobody wakes what does not wait any more.
 * @returns true when it was woken, false when the signal aborted.
 */
export function untilWoken(
  signal: AbortSignal | undefined,
  register: (wake: () => void) => (() => void) | void,
): Promise<boolean> {
  if (signal?.aborted === true) return Promise.resolve(false);
  return new Promise((resolve) => {
    let over = false;
    let takeBack: (() => void) | void;
    const end = (woken: boolean): void => {
      if (over) return;
      over = true;
      takeBack?.();
      signal?.removeEventListener('abort', abort);
      resolve(woken);
    };
    const abort = (): void => end(false);
    signal?.addEventListener('abort', abort, { once: true });
    takeBack = register(() => end(true));
    // It may have been woken while it was registered.
    if (over) takeBack?.();
  });
}

/** Resolves when the signal aborts. */
export async function untilAborted(signal: AbortSignal): Promise<void> {
  await untilWoken(signal, () => undefined);
}
