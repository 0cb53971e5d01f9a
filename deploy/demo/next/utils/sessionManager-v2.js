// Where earlier code imports the session from, in the browser and on the server.
export { default, sessionManager } from '@sidgate/session';
export { withServerSession } from '@sidgate/session/next';
