// What the hub answers, by the names the pages use: types of the HTTP contract and of the wire.

export type {
  ConfigReportedMessage,
  EventMessage,
  HealthMessage,
  LiveMessage,
} from '../../../../runtime/uplink/topics.ts';
export type {
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

export interface AlarmAnswer {
  readonly id: number;
  readonly rule: string;
  readonly site: string;
  readonly device: string;
  readonly severity: string;
  readonly message: string;
  readonly raised: string;
  readonly cleared: string | null;
  readonly acknowledged: string | null;
  readonly acknowledgedBy: string | null;
  readonly isFlapping: boolean;
  readonly silencedUntil: string | null;
}
