import type { Metadata } from 'next';
import { Devices } from '@/components/Devices';

export const metadata: Metadata = { title: 'Devices' };

/** The gateway's route says `session = "required"`: without one this page is not even asked for. */
export default function DevicesPage() {
  return (
    <>
      <h1>Where you are logged in</h1>
      <p className="quiet">End a session here, and the page on that device notices within a second.</p>
      <Devices />
    </>
  );
}
