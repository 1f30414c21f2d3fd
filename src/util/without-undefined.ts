/** An object's members but those that are undefined, as optional ones have to be absent. */
export type WithoutUndefined<Members> = {
  readonly [Key in keyof Members]?: Exclude<Members[Key], undefined>;
} & {
  readonly [Key in keyof Members as undefined extends Members[Key] ? never : Key]: Members[Key];
};

/** The same object without what is undefined. */
export function withoutUndefined<Members extends object>(
  members: Members,
): WithoutUndefined<Members> {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  ) as WithoutUndefined<Members>;
}
