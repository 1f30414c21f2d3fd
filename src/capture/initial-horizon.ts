import { abandonedBy } from '../log/forks.ts';
import type { LogReader, LoggedTransaction } from '../log/log.ts';
import type { VisibilitySnapshot } from '../source/source.ts';

/**
 * How many of the newest transactions are looked at one by one. A transaction whose id is not below
 * the snapshot's upper bound belongs to a backend that is still committing, so there are at most
 * `max_connections` of them, among the newest.
 */
const NEWEST = 10_000;

/**
 * The transactions in the log that a fresh read on the source does not see yet, in log order.
 *
 * After a restart the log may hold what was appended moments before, or long before when commits
 * wait for a synchronous standby. Transactions that the source lists as running are looked up by id,
 * however far back they are; those too new for its list are among the newest in the log. What was
 * abandoned (`LogFork`) will never be visible, and has no say.
 */
export async function invisibleInLog(
  log: LogReader,
  snapshot: VisibilitySnapshot,
): Promise<readonly LoggedTransaction[]> {
  const forks = log.forks();
  const found = new Map<number, LoggedTransaction>();
  for (const transaction of await log.lastTransactions(NEWEST)) {
    if (abandonedBy(forks, transaction.first) !== null) continue;
    if (!snapshot.visible(transaction.id)) found.set(transaction.first, transaction);
  }
  for (const id of snapshot.inProgress) {
    // Ids recur after a wrap-around: only the newest transaction with this id can be the running one.
    const [newest] = (await log.transactionsById(id)).filter(
      ({ first }) => abandonedBy(forks, first) === null,
    );
    if (newest !== undefined) found.set(newest.first, newest);
  }
  return [...found.values()].sort((a, b) => a.first - b.first);
}
