/** What a token lets its bearer do: look, change subscriptions and deliveries, take changes back. */
export type Right = 'read' | 'write' | 'undo';

export interface TokenConfig {
  readonly token: string;
  readonly rights: readonly Right[];
}

/** `http` of the configuration, with its defaults filled in. */
export interface HttpConfig {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** A token that may read and write. */
  readonly token?: string;
  readonly tokens: Readonly<Record<string, TokenConfig>>;
  /** Origins whose web pages may use the API: `https://console.example`. */
  readonly cors: readonly string[];
}
