// A hub that is none of Accord: @noble/curves evaluates blinded elements under a key of its own, and proves it.
// Standard input: lines {"blinded": [hex]} or {"inputs": [hex]}. The first line of standard output is {"public_key"};
// then one for each: {"evaluated": [hex], "proof": hex}, or {"outputs": [hex]} as it computes them by itself.
import { createInterface } from 'node:readline';
import { ristretto255_oprf } from '@noble/curves/ed25519.js';
import { bytesToHex, hexToBytes } from '@noble/curves/utils.js';

const { voprf } = ristretto255_oprf;
const { secretKey, publicKey } = voprf.generateKeyPair();
console.log(JSON.stringify({ public_key: bytesToHex(publicKey) }));

for await (const line of createInterface({ input: process.stdin })) {
  const said = JSON.parse(line);
  if (said.blinded) {
    const answer = voprf.blindEvaluateBatch(secretKey, publicKey, said.blinded.map(hexToBytes));
    console.log(JSON.stringify({ evaluated: answer.evaluated.map(bytesToHex), proof: bytesToHex(answer.proof) }));
  } else {
    const outputs = said.inputs.map((one) => voprf.evaluate(secretKey, hexToBytes(one)));
    console.log(JSON.stringify({ outputs: outputs.map(bytesToHex) }));
  }
}
