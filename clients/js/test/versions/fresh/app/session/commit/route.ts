import { sessionCommit } from '@sidgate/session/next';

export const GET = sessionCommit();
