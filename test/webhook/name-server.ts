import dns2 from 'dns2';

/** What a name has; a name that is not there does not exist. `broken` is answered with SERVFAIL, `silent` only when the server closes. */
export type Records = Record<string, string[] | 'silent' | 'broken'>;

const NXDOMAIN = 3;
const SERVFAIL = 2;

/** A name server on localhost, over UDP. `records` may be changed between questions; `asked` counts them by name and type. */
export async function startNameServer(records: Records) {
  const asked: string[] = [];
  const held: (() => unknown)[] = [];
  const server = dns2.createUDPServer((request, send) => {
    const question = request.questions[0]!;
    const name = question.name.toLowerCase();
    const isSix = question.type === dns2.Packet.TYPE.AAAA;
    asked.push(`${name} ${isSix ? 'AAAA' : 'A'}`);
    const known = records[name];
    const response = dns2.Packet.createResponseFromRequest(request);
    if (known === undefined) response.header.rcode = NXDOMAIN;
    else if (known === 'broken' || known === 'silent') response.header.rcode = SERVFAIL;
    else {
      for (const address of known.filter((one) => one.includes(':') === isSix)) {
        const type = isSix ? dns2.Packet.TYPE.AAAA : dns2.Packet.TYPE.A;
        response.answers.push(Object.assign(new dns2.Packet.Resource(question.name, type, dns2.Packet.CLASS.IN, 0), { address }));
      }
    }
    if (known === 'silent') held.push(() => send(response));
    else void send(response);
  });
  await server.listen(0, '127.0.0.1');
  const { port } = server.address();
  return {
    at: `127.0.0.1:${port}`,
    records, asked,
    async close() {
      for (const answer of held.splice(0)) await answer();
      await new Promise<void>((resolve) => { server.close(() => resolve()); });
    },
  };
}
