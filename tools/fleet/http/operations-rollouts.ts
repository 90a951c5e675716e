// The requests about rollouts, wishes, alarms and webhooks: rows of the table of operations.

import { DeviceKey } from './contract.ts';
import * as c from './contract-rollouts.ts';
import type { Operation } from './operations.ts';

export const ROLLOUT_OPERATIONS = {
  listRollouts: {
    ...{ method: 'GET', path: '/rollouts', role: 'viewer', summary: 'All rollouts, newest first', answer: c.Rollouts },
  },
  createRollout: {
    ...{ method: 'POST', path: '/rollouts', role: 'operator', summary: 'Begin a rollout' },
    ...{ body: c.RolloutDefinition, answer: c.RolloutSummary, noted: ['name', 'change', 'target'] },
  },
  previewRollout: {
    ...{
      method: 'POST',
      path: '/rollouts/preview',
      role: 'operator',
      summary: 'Waves and devices of a rollout, without beginning it',
    },
    ...{ body: c.RolloutDefinition, answer: c.RolloutPreview, noted: ['name'] },
  },
  showRollout: {
    ...{
      method: 'GET',
      path: '/rollouts/{id}',
      role: 'viewer',
      summary: 'One rollout with its devices and what happened',
    },
    ...{ params: c.RolloutKey, query: c.RolloutQuery, answer: c.RolloutDetails },
  },
  approveRollout: {
    ...{
      method: 'POST',
      path: '/rollouts/{id}/approve',
      role: 'operator',
      summary: 'Let the wave begin that waits for it',
    },
    ...{ params: c.RolloutKey, answer: c.RolloutSummary },
  },
  pauseRollout: {
    ...{ method: 'POST', path: '/rollouts/{id}/pause', role: 'operator', summary: 'Begin no more devices' },
    ...{ params: c.RolloutKey, body: c.PauseOrder, answer: c.RolloutSummary, noted: ['reason'] },
  },
  resumeRollout: {
    ...{ method: 'POST', path: '/rollouts/{id}/resume', role: 'operator', summary: 'Go on after a pause or a stop' },
    ...{ params: c.RolloutKey, body: c.ResumeOrder, answer: c.RolloutSummary, noted: ['retry'] },
  },
  abortRollout: {
    ...{
      method: 'POST',
      path: '/rollouts/{id}/abort',
      role: 'operator',
      summary: 'End it for ever, and take it back if so ordered',
    },
    ...{ params: c.RolloutKey, body: c.AbortOrder, answer: c.RolloutSummary, noted: ['reason', 'rollBack'] },
  },
  listDesired: {
    ...{
      method: 'GET',
      path: '/desired',
      role: 'viewer',
      summary: 'What is wished of devices, and where they are not so',
    },
    ...{ query: c.DesiredQuery, answer: c.DesiredList },
  },
  noteDevice: {
    ...{
      method: 'PUT',
      path: '/devices/{site}/{device}/note',
      role: 'operator',
      summary: 'Note tags and time zone of a device',
    },
    ...{ params: DeviceKey, body: c.DeviceNote, noted: ['addTags', 'removeTags', 'zone'] },
  },
  listAlarms: {
    ...{ method: 'GET', path: '/alarms', role: 'viewer', summary: 'Alarms, open ones first' },
    ...{ query: c.AlarmQuery, answer: c.Alarms },
  },
  acknowledgeAlarm: {
    ...{ method: 'POST', path: '/alarms/{id}/acknowledge', role: 'operator', summary: 'Somebody looks after it' },
    ...{ params: c.AlarmKey, answer: c.Alarm },
  },
  silenceAlarm: {
    ...{
      method: 'POST',
      path: '/alarms/{id}/silence',
      role: 'operator',
      summary: 'No word of this rule and device until then',
    },
    ...{ params: c.AlarmKey, body: c.Silence, answer: c.Alarm, noted: ['until'] },
  },
  listRules: {
    method: 'GET',
    path: '/alarm-rules',
    role: 'viewer',
    summary: 'What raises alarms',
    answer: c.AlarmRules,
  },
  setRule: {
    ...{ method: 'PUT', path: '/alarm-rules/{name}', role: 'operator', summary: 'Add a rule, or change one' },
    ...{ params: c.RuleKey, body: c.AlarmRule, answer: c.AlarmRules, noted: ['name', 'kind', 'enabled'] },
  },
  removeRule: {
    ...{ method: 'DELETE', path: '/alarm-rules/{name}', role: 'operator' },
    summary: "Take a rule away, or the changes of one of the hub's own",
    params: c.RuleKey,
  },
  listWebhooks: { method: 'GET', path: '/webhooks', role: 'admin', summary: 'Who is called', answer: c.Webhooks },
  addWebhook: {
    ...{
      method: 'POST',
      path: '/webhooks',
      role: 'admin',
      summary: 'Call somebody from now on; the answer shows the secret once',
    },
    ...{ body: c.NewWebhook, answer: c.AddedWebhook, noted: ['topics', 'format', 'allowPrivate'] },
  },
  removeWebhook: {
    ...{ method: 'DELETE', path: '/webhooks/{id}', role: 'admin', summary: 'Call no more', params: c.WebhookKey },
  },
  enableWebhook: {
    ...{ method: 'POST', path: '/webhooks/{id}/enable', role: 'admin', params: c.WebhookKey },
    summary: 'Call again one that was switched off',
  },
} as const satisfies Record<string, Operation>;
