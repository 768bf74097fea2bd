// An OpenID Connect server by oidc-provider, which the OpenID Foundation has certified.
// Each line of the standard input says which groups its people are in (JSON; null leaves the
// claim out), and is answered with an empty line.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { Provider } from 'oidc-provider';

// The standard output is for answers; the library writes its notices there, too.
console.info = console.error;
const [redirect] = process.argv.slice(2);
let groups = null;
const server = createServer().listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'portal',
      client_secret: 'of the client',
      redirect_uris: [redirect],
      token_endpoint_auth_method: 'client_secret_basic',
    }],
    claims: { profile: ['preferred_username'], groups: ['groups'] },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id, ...(groups && { groups }) }),
    }),
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
createInterface({ input: process.stdin })
  .on('line', (line) => { groups = JSON.parse(line); console.log(); })
  .on('close', () => process.exit());
