'use client';

import sessionManager, { type DeviceSession, SessionError } from '@sidgate/session';
import { useSession } from '@sidgate/session/react';
import { useCallback, useEffect, useState } from 'react';

export function Devices() {
  const { data } = useSession();
  const [devices, setDevices] = useState<DeviceSession[] | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const session = data?.session.id;

  const load = useCallback(async () => {
    try {
      setDevices(await sessionManager.listSessions());
      setFault(null);
    } catch (error) {
      setFault(error instanceof SessionError ? error.message : 'Something went wrong');
    }
  }, []);

  async function act(what: () => Promise<unknown>) {
    try {
      await what();
    } catch (error) {
      setFault(error instanceof SessionError ? error.message : 'Something went wrong');
      return;
    }
    await load();
  }

  useEffect(() => {
    if (session) void load();
  }, [session, load]);

  if (!devices) return <p className="quiet">{fault ?? 'Loading…'}</p>;
  const others = devices.some(({ current }) => !current);
  return (
    <>
      {fault && <p role="alert">{fault}</p>}
      <ul className="devices">
        {devices.map((device) => (
          <li className="card" key={device.id}>
            <Device device={device} end={() => act(() => sessionManager.revokeSession(device.id))} />
          </li>
        ))}
      </ul>
      <p className="actions">
        <button className="plain" disabled={!others} onClick={() => act(() => sessionManager.revokeOthers())}>
          End all others
        </button>
        <button className="plain danger" onClick={() => act(() => sessionManager.logout({ everywhere: true }))}>
          Log out everywhere
        </button>
      </p>
    </>
  );
}

function Device({ device, end }: { device: DeviceSession; end: () => void }) {
  return (
    <>
      <div>
        <strong>{device.device.label}</strong>
        {device.current && <span className="tag">this browser</span>}
        <p className="quiet">
          {device.ip && <>{device.ip} · </>}since <Time at={device.createdAt} /> · last seen <Time at={device.lastActivity} />
        </p>
      </div>
      {!device.current && (
        <button className="plain danger" onClick={end} aria-label={`End ${device.device.label}`}>
          End
        </button>
      )}
    </>
  );
}

function Time({ at }: { at: string }) {
  const shown = new Date(at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  return <time dateTime={at}>{shown}</time>;
}
