// Where earlier code imports the hook from.
export { useSession } from '@sidgate/session/react';
