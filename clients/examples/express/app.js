/**
 * An Express app behind Sidgate.
 *
 *     SIDGATE_UPSTREAM=app SIDGATE_KEY=... PORT=8000 node app.js
 */
import express from 'express';
import { NotFromSidgate, Sidgate } from './sidgate.js';
import { identityOf } from './users.js';

const { SIDGATE_UPSTREAM, SIDGATE_KEY, PORT = '8000' } = process.env;
const sidgate = new Sidgate(SIDGATE_UPSTREAM, SIDGATE_KEY.split(','));
const app = express();

app.post('/__sidgate__/authenticate', express.raw({ type: () => true, limit: '64kb' }), async (req, res) => {
  await sidgate.checkRequest(req.get('X-Sidgate-Request'), req.body);
  const { email, password } = JSON.parse(req.body);
  const identity = identityOf(email, password);
  if (identity) res.json(identity);
  else res.status(401).json({ code: 'invalid_credentials' });
});

app.use(async (req, res, next) => {
  req.visitor = await sidgate.visitor(req.get('X-Session-Assertion'));
  next();
});

app.get('/', (req, res) => {
  const { attrs, sub } = req.visitor.claims;
  res.type('text').send(`Hello, ${attrs?.name ?? sub ?? 'stranger'}\n`);
});

app.get('/account', loginRequired, (req, res) => {
  const { sub, email } = req.visitor.claims;
  res.json({ id: sub, email });
});

app.post('/logout', async (req, res) => {
  const event = await sidgate.event(req.get('X-Request-Id'), { type: 'logout', scope: 'this' });
  res.set('X-Session-Event', event).redirect(303, '/');
});

function loginRequired(req, res, next) {
  const { state } = req.visitor;
  if (state === 'active') next();
  else if (state === 'unknown') res.status(503).json({ detail: 'nobody can say who you are' });
  else res.status(401).json({ detail: 'log in first' });
}

app.use((error, req, res, next) => {
  if (!(error instanceof NotFromSidgate)) return next(error);
  if (req.path.startsWith('/__sidgate__/')) res.status(404).json({ detail: 'not found' });
  else res.status(403).json({ detail: 'only through the gateway' });
});

app.listen(Number(PORT), '127.0.0.1');
