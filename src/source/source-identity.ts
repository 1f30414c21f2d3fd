/** `kind:system#number name`: what names a database for good, then what people call it now. */
const NUMBERED = /^(\w+:[^/#]+)#(\S+) ([\s\S]*)$/;
/** `kind:system/name`, as it was written down before databases were known by their numbers. */
const NAMED = /^(\w+:[^/#]+)\/([\s\S]*)$/;

/**
 * Whether what a source says of itself names the database that was written down. A name alone never
 * decides where the number is known: databases are renamed, and exchange names.
 *
 * Of a database that was written down by its name it is the one of that name on the same server; from
 * then on its number is to be written down.
 */
export function isSameDatabase(stored: string, found: string): boolean {
  if (stored === found) return true;
  const now = NUMBERED.exec(found);
  if (now === null) return false;
  const [, system, number, name] = now;
  const then = NUMBERED.exec(stored);
  if (then !== null) return then[1] === system && then[2] === number;
  const named = NAMED.exec(stored);
  return named !== null && named[1] === system && named[2] === name;
}

/**
 * Whether a database may be the one that was written down, on a server that was made by an upgrade in
 * place: such a server has another identity, and keeps the names of its databases, mostly also their
 * numbers. That it is this one only the operator knows.
 */
export function mayBeUpgraded(stored: string, found: string): boolean {
  const now = NUMBERED.exec(found);
  const then = NUMBERED.exec(stored) ?? NAMED.exec(stored);
  if (now === null || then === null || then[1] === now[1]) return false;
  return then[3] === undefined ? then[2] === now[3] : then[2] === now[2] || then[3] === now[3];
}

/**
 * Whether a database was written down by its name alone, by a Tidings that did not know numbers. That
 * it is the one that has the name now is to be seen by something else, see `Source.isElsewhere`.
 */
export function isKnownByName(stored: string): boolean {
  return NAMED.test(stored);
}
