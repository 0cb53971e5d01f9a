/** What to do about a request that the gateway has not seen; on a developer's machine with the command that helps. */
export function notThroughGateway(why: string): string {
  const fact = `a request did not come through the gateway (${why}).`;
  if (process.env.NODE_ENV !== 'development') return fact;
  const port = process.env.PORT || '3000';
  return `${fact} Start one with "sidgate dev --upstream ${port}" and open the address that it prints.`;
}
