import type { DeclareCommand } from './command.ts';
import { declareDiscard } from './deliveries/discard.ts';
import { declareList } from './deliveries/list.ts';
import { declareReplay } from './deliveries/replay.ts';
import { declareRetry } from './deliveries/retry.ts';
import { declareShow } from './deliveries/show.ts';

export const declareDeliveries: DeclareCommand = (program, runtime) => {
  const deliveries = program
    .command('deliveries')
    .summary('Show and decide about what could not be delivered')
    .description(
      'Shows the deliveries that wait for their next attempt or are parked, and attempts, replays or gives them up. Without a command it lists them.',
    );
  for (const declare of [declareList, declareShow, declareRetry, declareReplay, declareDiscard]) {
    declare(deliveries, runtime);
  }
};
