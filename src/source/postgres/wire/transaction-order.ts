/** Transaction ids have 32 bits and begin anew: the later of two is less than half of that ahead. */
export function isLater(id: string | null, other: string): boolean {
  if (id === null) return false;
  const distance = (Number(id) - Number(other)) >>> 0;
  return distance > 0 && distance < 2 ** 31;
}
