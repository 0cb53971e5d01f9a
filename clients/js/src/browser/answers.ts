import type { DeviceSession, Session } from '../types.js';
import { type Answer, badAnswer } from './transport.js';

/** Reads a SessionView; `null` is nobody. Throws when it is neither. */
export function readSession({ status, body }: Answer): Session | null {
  if (!isObject(body)) throw badAnswer(status);
  if (body['authenticated'] === false) return null;
  const { user, session } = body;
  const fits =
    body['authenticated'] === true &&
    isObject(user) &&
    typeof user['id'] === 'string' &&
    isObject(session) &&
    typeof session['id'] === 'string';
  if (!fits) throw badAnswer(status);
  return body as unknown as Session;
}

/** A page of the list of devices, and where the next one begins, if there is one. */
export interface DevicePage {
  sessions: DeviceSession[];
  next: string | undefined;
}

/** Reads a page of the list of devices. */
export function readDevices({ status, body }: Answer): DevicePage {
  if (!isObject(body) || !Array.isArray(body['sessions'])) throw badAnswer(status);
  const next = body['next'];
  if (next !== undefined && typeof next !== 'string') throw badAnswer(status);
  return { sessions: body['sessions'] as DeviceSession[], next };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
