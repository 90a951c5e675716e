// Rollouts and wishes over HTTP: listing, beginning, ordering; each order is told on the stream and to webhooks.
import { noteDevice, readAllDesired } from '../desired-store.ts';
import { type Order, obey, orderRollout, type RolloutNews } from '../rollout-runner.ts';
import { findRollout } from '../rollout-store.ts';
import { desiredView, rolloutDetails, rolloutPreview, rolloutSummaries, rolloutSummary } from '../rollout-views.ts';
import type { FastifyInstance } from './fastify.ts';
import type { Hub } from './hub.ts';
import { ROLLOUT_OPERATIONS as OPERATIONS } from './operations-rollouts.ts';
import { answer } from './routing.ts';

export function rolloutRoutes(app: FastifyInstance, hub: Hub): void {
  const { database } = hub;
  const ordered = async (news: RolloutNews) => {
    hub.bus.tell('rollout', news);
    hub.hurry();
    return rolloutSummary(database, await findRollout(database, news.id));
  };
  const order = async (id: string, what: Order, who: string) => ordered(await obey(database, id, what, who, hub.now()));
  answer(app, hub, OPERATIONS.listRollouts, async () => ({ rollouts: await rolloutSummaries(database) }));
  answer(app, hub, OPERATIONS.showRollout, ({ params, query }) => rolloutDetails(database, params.id, query));
  answer(app, hub, OPERATIONS.previewRollout, ({ body }) => rolloutPreview(database, body));
  answer(app, hub, OPERATIONS.createRollout, async ({ body, caller }) =>
    ordered(await orderRollout(database, body, caller.name, hub.now())),
  );
  answer(app, hub, OPERATIONS.approveRollout, ({ params, caller }) =>
    order(params.id, { order: 'approve' }, caller.name),
  );
  answer(app, hub, OPERATIONS.pauseRollout, ({ params, body, caller }) =>
    order(params.id, { order: 'pause', ...body }, caller.name),
  );
  answer(app, hub, OPERATIONS.resumeRollout, ({ params, body, caller }) =>
    order(params.id, { order: 'resume', ...body }, caller.name),
  );
  answer(app, hub, OPERATIONS.abortRollout, ({ params, body, caller }) =>
    order(params.id, { order: 'abort', ...body }, caller.name),
  );
  answer(app, hub, OPERATIONS.listDesired, async ({ query: { devices } }) => {
    const keys = devices?.split(',').map((name) => ({ site: name.split('/')[0]!, device: name.split('/')[1] ?? '' }));
    return { desired: (await readAllDesired(database, keys)).map(desiredView) };
  });
  answer(app, hub, OPERATIONS.noteDevice, ({ params, body }) => noteDevice(database, params, body));
}
