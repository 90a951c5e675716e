// Every request that the hub answers, as a table: who may send it, what it takes and gives. Routes and OpenAPI document are made of it.
import type { z } from 'zod';
import * as c from './contract.ts';
import { ROLLOUT_OPERATIONS } from './operations-rollouts.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** A request of the API, below /api/v1. */
export interface Operation {
  readonly method: Method;
  /** Parts in braces are named by `params`. */
  readonly path: string;
  /** Least role that may; open: without login. */
  readonly role: c.Role | 'open';
  readonly summary: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** What a success gives; none: status 204. */
  readonly answer?: z.ZodType;
  /** Media types of a success that is no JSON. */
  readonly media?: readonly string[];
  /** Fields of the body that the audit may show; no secret is ever among them. */
  readonly noted?: readonly string[];
}

export const API = '/api/v1';

export const OPERATIONS = {
  login: {
    ...{
      method: 'POST',
      path: '/login',
      role: 'open',
      summary: 'Begin a session: a cookie and a token against forgery',
    },
    ...{ body: c.Login, answer: c.Session },
  },
  logout: { method: 'POST', path: '/logout', role: 'viewer', summary: 'End the session' },
  session: { method: 'GET', path: '/session', role: 'viewer', summary: 'Who is signed in', answer: c.Session },
  changePassword: {
    ...{
      method: 'POST',
      path: '/password',
      role: 'viewer',
      summary: 'Change the own password; ends all other sessions',
    },
    body: c.PasswordChange,
  },
  openapi: {
    ...{ method: 'GET', path: '/openapi.json', role: 'viewer', summary: 'This document', media: ['application/json'] },
  },
  listDevices: {
    ...{ method: 'GET', path: '/devices', role: 'viewer', summary: 'All devices, with what each said last' },
    ...{ query: c.DeviceQuery, answer: c.Devices },
  },
  showDevice: {
    ...{ method: 'GET', path: '/devices/{site}/{device}', role: 'viewer', summary: 'One device with gaps and events' },
    ...{ params: c.DeviceKey, answer: c.DeviceDetails },
  },
  deviceHealth: {
    ...{ method: 'GET', path: '/devices/{site}/{device}/health', role: 'viewer', summary: 'How a device was' },
    ...{ params: c.DeviceKey, query: c.HealthQuery, answer: c.HealthHistory },
  },
  sendCommand: {
    ...{ method: 'POST', path: '/devices/{site}/{device}/commands', role: 'operator' },
    summary: 'Send a command to a device and wait for its answer; 202 when none comes in time',
    ...{ params: c.DeviceKey, body: c.Command, answer: c.CommandAnswer, noted: ['name', 'parameters'] },
  },
  showDesired: {
    ...{ method: 'GET', path: '/devices/{site}/{device}/desired', role: 'viewer' },
    summary: 'What is wished of a device, beside what it is; the header ETag holds the version',
    ...{ params: c.DeviceKey, answer: c.Desired },
  },
  changeDesired: {
    ...{ method: 'PUT', path: '/devices/{site}/{device}/desired', role: 'operator' },
    summary: 'Change what is wished; the header If-Match holds the version that was seen, 412 when it is another',
    ...{ params: c.DeviceKey, body: c.DesiredChange, answer: c.Desired, noted: ['settings', 'release'] },
  },
  listEvents: {
    ...{ method: 'GET', path: '/events', role: 'viewer', summary: 'Events, page after page' },
    ...{ query: c.EventQuery, answer: c.EventPage },
  },
  exportEvents: {
    ...{ method: 'GET', path: '/events/export', role: 'viewer', summary: 'All events that fit, as a file' },
    ...{ query: c.ExportQuery, media: ['text/csv', 'application/x-ndjson'] },
  },
  listSources: {
    ...{ method: 'GET', path: '/sources', role: 'viewer', summary: 'Where several devices heard the same sound' },
    ...{ query: c.SourceQuery, answer: c.Sources },
  },
  listGaps: {
    ...{ method: 'GET', path: '/gaps', role: 'viewer', summary: 'Events whose numbers never came' },
    ...{ query: c.GapQuery, answer: c.Gaps },
  },
  listQuarantine: {
    ...{
      method: 'GET',
      path: '/quarantine',
      role: 'viewer',
      summary: 'Messages that broke the contract, newest first',
    },
    ...{ query: c.ListQuery, answer: c.Quarantine },
  },
  retryQuarantine: {
    ...{ method: 'POST', path: '/quarantine/retry', role: 'operator', summary: 'Store what this earshot understands' },
    ...{ body: c.QuarantineChoice, answer: c.AllRetried, noted: ['ids'] },
  },
  dropQuarantine: {
    ...{ method: 'POST', path: '/quarantine/drop', role: 'operator', summary: 'Throw messages away for good' },
    ...{ body: c.QuarantineChoice, answer: c.Dropped, noted: ['ids'] },
  },
  listClips: {
    ...{ method: 'GET', path: '/clips', role: 'viewer', summary: 'Recordings that devices keep, newest first' },
    ...{ query: c.ClipQuery, answer: c.Clips },
  },
  clipAudio: {
    ...{ method: 'GET', path: '/clips/{id}/audio', role: 'viewer' },
    summary: 'The sound of a recording, when the device has sent it',
    ...{ params: c.ClipKey, media: ['audio/wav'] },
  },
  listReleases: {
    ...{ method: 'GET', path: '/releases', role: 'viewer', summary: 'Releases that devices can fetch here' },
    answer: c.Releases,
  },
  figures: { method: 'GET', path: '/figures', role: 'viewer', summary: 'How the hub itself is', answer: c.Figures },
  stream: {
    ...{ method: 'GET', path: '/stream', role: 'viewer', query: c.StreamQuery, media: ['text/event-stream'] },
    summary: 'What happens, as it happens: server-sent events device, event, live, response, alarm, rollout, lagged',
  },
  listUsers: { method: 'GET', path: '/users', role: 'admin', summary: 'Who may sign in', answer: c.Users },
  addUser: {
    ...{ method: 'POST', path: '/users', role: 'admin', summary: 'Let somebody sign in' },
    ...{ body: c.NewUser, answer: c.User, noted: ['name', 'role'] },
  },
  removeUser: {
    ...{ method: 'DELETE', path: '/users/{name}', role: 'admin', params: c.UserKey },
    summary: 'Remove a user with all sessions and tokens',
  },
  listAudit: {
    ...{ method: 'GET', path: '/audit', role: 'admin', summary: 'Who did what, newest first' },
    ...{ query: c.AuditQuery, answer: c.Audit },
  },
  ...ROLLOUT_OPERATIONS,
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof OPERATIONS;
