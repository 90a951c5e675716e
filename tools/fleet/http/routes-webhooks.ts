// Webhooks over HTTP, for admins: the secret is in the answer that adds one, and nowhere else.
import { addWebhook, enableWebhook, listWebhooks, removeWebhook, type WebhookRow } from '../webhook-store.ts';
import type { FastifyInstance } from './fastify.ts';
import type { Hub } from './hub.ts';
import { ROLLOUT_OPERATIONS as OPERATIONS } from './operations-rollouts.ts';
import { answer } from './routing.ts';

export function webhookRoutes(app: FastifyInstance, hub: Hub): void {
  const { database } = hub;
  answer(app, hub, OPERATIONS.listWebhooks, async () => ({
    webhooks: (await listWebhooks(database)).map(webhookView),
  }));
  answer(app, hub, OPERATIONS.addWebhook, ({ body, caller }) => addWebhook(database, body, caller.name));
  answer(app, hub, OPERATIONS.removeWebhook, ({ params }) => removeWebhook(database, params.id));
  answer(app, hub, OPERATIONS.enableWebhook, ({ params }) => enableWebhook(database, params.id));
}

function webhookView({ settings, created, failingSince, disabled, ...row }: WebhookRow) {
  return {
    ...{ ...row, ...settings, created: created.toISOString() },
    failingSince: failingSince?.toISOString() ?? null,
    disabled: disabled?.toISOString() ?? null,
  };
}
