/** An endpoint of the benchmark: one URL, and the group of changes that it may ask for. */
export interface Endpoint {
  readonly url: string;
  readonly group: number;
}

/** Endpoints that want the same group of changes, where each wants only its group. */
const PER_GROUP = 5;

/** How many groups of changes there are for so many endpoints. */
export function groupsOf(endpoints: number): number {
  return Math.max(1, Math.floor(endpoints / PER_GROUP));
}

/** So many URLs, spread evenly over the ports. */
export function createEndpoints(count: number, ports: readonly number[]): readonly Endpoint[] {
  return Array.from({ length: count }, (_, index) => ({
    url: `http://127.0.0.1:${ports[index % ports.length] ?? 0}/endpoints/${index}`,
    group: index % groupsOf(count),
  }));
}

/** Who wants a change: everybody, or the endpoints of its group. */
export type Wanted = 'all' | 'group';

/** The endpoints that want the change of this number. */
export function wantedBy(
  endpoints: readonly Endpoint[],
  wanted: Wanted,
  change: number,
): readonly Endpoint[] {
  if (wanted === 'all') return endpoints;
  const group = change % groupsOf(endpoints.length);
  return endpoints.filter((endpoint) => endpoint.group === group);
}
