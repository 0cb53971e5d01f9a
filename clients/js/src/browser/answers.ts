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

/** Reads the list of devices. */
export function readDevices({ status, body }: Answer): DeviceSession[] {
  if (!isObject(body) || !Array.isArray(body['sessions'])) throw badAnswer(status);
  return body['sessions'] as DeviceSession[];
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
