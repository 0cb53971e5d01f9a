// Where earlier code imports the metrics from.
export { sessionManagerEnhanced } from '@sidgate/session';
