import type { JsonValue } from '../../change/dialect.ts';
import { withoutUndefined } from '../../util/without-undefined.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { UndoPlan, UndoRequest } from '../../undo/undo-plan.ts';
import { problems, problemsWithBody } from '../schemas/problem.ts';
import {
  UNDO_APPLY_BODY,
  UNDO_PLAN,
  UNDO_PLAN_PARAMS,
  UNDO_REQUEST_BODY,
  UNDO_RESULT,
} from '../schemas/undo.ts';
import { UndoPlans } from '../undo-plans.ts';
import { type Api, makePage, type RouteContext, untilGone } from './route.ts';

type ShownPlan = Omit<UndoPlan, 'request'> & { readonly request: JsonValue };

const tags = ['Undo'];
const URL = '/v1/undo/plans';

/** Taking changes back: a plan first, which anybody may look at, then its applying. */
export function undoRoutes(app: Api, context: RouteContext): void {
  const plans = new UndoPlans();
  planRoutes(app, context, plans);
  applyRoute(app, context, plans);
}

function planRoutes(app: Api, context: RouteContext, plans: UndoPlans): void {
  const { service, draining } = context;
  app.route({
    method: 'POST',
    url: URL,
    config: { right: 'read' },
    schema: {
      operationId: 'planUndo',
      summary: 'What an undo would do; changes nothing',
      tags,
      body: UNDO_REQUEST_BODY,
      response: { 201: UNDO_PLAN, ...problemsWithBody(404, 409, 410, 422) },
    },
    handler: async ({ body }, reply) => {
      const { onConflict, ...request } = body;
      const options = withoutUndefined({ onConflict });
      const asked = withoutUndefined(request) as UndoRequest;
      const plan = await service.planUndo(asked, options, untilGone(reply, draining));
      plans.add(plan);
      void reply.code(201).header('location', `${URL}/${encodeURIComponent(plan.id)}`);
      return shown(plan);
    },
  });
  app.route({
    method: 'GET',
    url: `${URL}/:id`,
    config: { right: 'read' },
    schema: {
      operationId: 'getUndoPlan',
      summary: 'A plan that was made in the last hour',
      tags,
      params: UNDO_PLAN_PARAMS,
      response: { 200: UNDO_PLAN, ...problems(404) },
    },
    handler: ({ params: { id } }, reply) =>
      makePage(context, reply, async () => shown(plans.get(id))),
  });
}

function applyRoute(app: Api, { service, draining }: RouteContext, plans: UndoPlans): void {
  app.route({
    method: 'POST',
    url: `${URL}/:id/apply`,
    config: { right: 'undo' },
    schema: {
      operationId: 'applyUndo',
      summary: 'Carry out a plan in one transaction, after checking every row again',
      tags,
      params: UNDO_PLAN_PARAMS,
      body: UNDO_APPLY_BODY,
      response: { 200: UNDO_RESULT, ...problemsWithBody(404, 409, 410, 422) },
    },
    handler: async ({ params: { id }, body, caller }) => {
      const options = {
        ...(caller === null ? {} : { actor: caller }),
        ...withoutUndefined(body ?? {}),
      };
      // Not ended by a client that has gone: what was asked for is done whole, or not at all.
      const result = await service.applyUndo(plans.get(id), options, draining);
      if (result.applied) return result;
      throw new TidingsError('UNDO_CONFLICTS', { rows: result.conflicts.total });
    },
  });
}

/** Plain JSON, which its interface does not say. */
function shown(plan: UndoPlan): ShownPlan {
  return { ...plan, request: plan.request as unknown as JsonValue };
}
