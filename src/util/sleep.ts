import { untilWoken } from './until-woken.ts';

/** Waits; resolves early, without throwing, when the signal aborts. Callers check the signal. */
export async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await untilWoken(signal, (wake) => {
    const timer = setTimeout(wake, milliseconds);
    return () => clearTimeout(timer);
  });
}
