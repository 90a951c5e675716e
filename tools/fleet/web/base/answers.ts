// What the hub answers, by the names the pages use: types of the HTTP contract and of the wire.

export type {
  ConfigReportedMessage,
  EventMessage,
  HealthMessage,
  LiveMessage,
} from '../../../../runtime/uplink/topics.ts';
export type {
  AllRetried,
  AuditEntry,
  Clip,
  CommandAnswer,
  Desired,
  Device as DeviceAnswer,
  EventPage,
  Gap,
  HealthHistory,
  HealthPoint,
  QuarantineEntry,
  Role,
  Session,
  Source as SourceAnswer,
  StoredEvent as EventAnswer,
  StreamEvents,
  User,
} from '../../http/contract.ts';
export type {
  Alarm as AlarmAnswer,
  AlarmRule as AlarmRuleAnswer,
  RolloutDetails,
  RolloutDevice,
  RolloutPreview,
  RolloutSummary,
  Webhook as WebhookAnswer,
} from '../../http/contract-rollouts.ts';
