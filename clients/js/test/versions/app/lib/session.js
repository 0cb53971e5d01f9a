// One module for the browser and the server, as earlier code has it.
export { default, sessionManagerEnhanced } from '@sidgate/session';
export { withServerSession } from '@sidgate/session/next';
