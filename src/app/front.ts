/** What stands in front of a service, such as its HTTP API: there before it starts, gone before it drains. */
export interface Front {
  /** Where this machine reaches it; null while it is closed. */
  readonly url: string | null;
  /** Opens. Nothing when it was closed before. */
  open(): Promise<void>;
  /** Ends what waits there, and closes. */
  close(): Promise<void>;
}
