// What the hub answers, by the names the pages use.
import type { EventMessage, HealthMessage, InfoMessage, LiveMessage } from '../../../../runtime/uplink/topics.ts';

export type { EventMessage, HealthMessage, InfoMessage, LiveMessage };
export type Role = 'viewer' | 'operator' | 'admin';

export interface Session {
  readonly name: string;
  readonly role: Role;
  readonly csrfToken: string;
}

export interface DeviceAnswer {
  readonly site: string;
  readonly device: string;
  readonly state: string | null;
  readonly stateTime: string | null;
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly info: InfoMessage | null;
  readonly health: HealthMessage | null;
  readonly healthTime: string | null;
  readonly missing: number;
}

export type EventAnswer = EventMessage & { readonly received: string };

export interface EventPage {
  readonly events: readonly EventAnswer[];
  readonly next: string | null;
}

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
}

export interface SourceAnswer {
  readonly label: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly ellipse: {
    readonly semiMajorMetres: number;
    readonly semiMinorMetres: number;
    readonly axisBearingDegrees: number;
  };
  readonly startTime: string;
  readonly endTime: string;
  readonly devices: readonly string[];
  readonly isAmbiguous: boolean;
}
