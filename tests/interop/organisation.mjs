// An organisation that is none of Accord: @noble/curves asks a hub about inputs, and says what F(k, x) of each is.
// Standard input: {"url", "token", "inputs": [hex]}. Standard output: {"outputs": [hex], "public_key": hex}.
import { randomUUID } from 'node:crypto';
import { ristretto255_oprf } from '@noble/curves/ed25519.js';
import { bytesToHex, concatBytes, hexToBytes } from '@noble/curves/utils.js';

const said = JSON.parse(await new Response(process.stdin).text());
const { voprf } = ristretto255_oprf;

async function asked(path, more = {}) {
  const headers = { authorization: `Bearer ${said.token}`, ...more.headers };
  const answer = await fetch(said.url + path, { ...more, headers });
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return new Uint8Array(await answer.arrayBuffer());
}

const offer = JSON.parse(new TextDecoder().decode(await asked('/psi/session')));
const document = JSON.parse(Buffer.from(offer.document, 'base64').toString());
const publicKey = hexToBytes(document.public_key);
const blinds = said.inputs.map((one) => ({ input: hexToBytes(one), ...voprf.blind(hexToBytes(one)) }));
const answer = await asked(`/psi/sessions/${document.session}/requests/${randomUUID()}`, {
  method: 'PUT',
  headers: { 'content-type': 'application/octet-stream' },
  body: concatBytes(...blinds.map((one) => one.blinded)),
});
const items = blinds.map((one, at) => ({ ...one, evaluated: answer.slice(32 * at, 32 * at + 32) }));
// throws where the proof does not hold
const outputs = voprf.finalizeBatch(items, publicKey, answer.slice(32 * items.length));
console.log(JSON.stringify({ outputs: outputs.map(bytesToHex), public_key: document.public_key }));
