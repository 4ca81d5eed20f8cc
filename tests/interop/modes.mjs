// Both parts of all three modes of RFC 9497, by @noble/curves.
// Standard input: a line of JSON each, with "mode" (OPRF, VOPRF, POPRF) and for POPRF "info" (hex); all bytes are hex.
//   {"do": "blind", "inputs", "public_key"}                                    {"blinds", "blinded", "public_key"}
//   {"do": "evaluate", "seed", "key_info", "blinded"}                          {"public_key", "evaluated", "proof"}
//   {"do": "compute", "seed", "key_info", "inputs"}                            {"outputs"}
//   {"do": "finalise", "inputs", "blinds", "blinded", "evaluated", "public_key", "proof"}
//                                                                              {"outputs"} or {"refused"}
// The public key that `blind` answers is the one that `finalise` takes: in POPRF it is tweaked by `info`.
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { ristretto255_oprf } from '@noble/curves/ed25519.js';
import { bytesToHex, hexToBytes } from '@noble/curves/utils.js';

const { oprf, voprf, poprf } = ristretto255_oprf;
const hex = (all) => all.map(bytesToHex);
const bytes = (all) => all.map(hexToBytes);

const modes = {
  OPRF: {
    blind: (said) => bytes(said.inputs).map((one) => oprf.blind(one)),
    evaluate: ({ secretKey }, blinded) => ({ evaluated: blinded.map((one) => oprf.blindEvaluate(secretKey, one)) }),
    compute: ({ secretKey }, input) => oprf.evaluate(secretKey, input),
    finalise: (items) => items.map((one) => oprf.finalize(one.input, one.blind, one.evaluated)),
    keys: (said) => oprf.deriveKeyPair(hexToBytes(said.seed), hexToBytes(said.key_info)),
  },
  VOPRF: {
    blind: (said) => bytes(said.inputs).map((one) => voprf.blind(one)),
    evaluate: ({ secretKey, publicKey }, blinded) => voprf.blindEvaluateBatch(secretKey, publicKey, blinded),
    compute: ({ secretKey }, input) => voprf.evaluate(secretKey, input),
    finalise: (items, publicKey, proof) => voprf.finalizeBatch(items, publicKey, proof),
    keys: (said) => voprf.deriveKeyPair(hexToBytes(said.seed), hexToBytes(said.key_info)),
  },
  POPRF: {
    blind: (said, mode) => bytes(said.inputs).map((one) => mode.blind(one, hexToBytes(said.public_key))),
    evaluate: ({ secretKey }, blinded, mode) => mode.blindEvaluateBatch(secretKey, blinded, randomBytes),
    compute: ({ secretKey }, input, mode) => mode.evaluate(secretKey, input),
    finalise: (items, tweaked, proof, mode) => mode.finalizeBatch(items, proof, tweaked),
    keys: (said, mode) => mode.deriveKeyPair(hexToBytes(said.seed), hexToBytes(said.key_info)),
  },
};

function done(said) {
  const functions = modes[said.mode];
  const mode = said.mode === 'POPRF' ? poprf(hexToBytes(said.info)) : undefined;
  if (said.do === 'blind') {
    const found = functions.blind(said, mode);
    const publicKey = mode ? bytesToHex(found[0].tweakedKey) : said.public_key;
    return { blinds: hex(found.map((one) => one.blind)), blinded: hex(found.map((one) => one.blinded)), public_key: publicKey };
  }
  if (said.do === 'finalise') {
    const [inputs, blinds, blinded, evaluated] = ['inputs', 'blinds', 'blinded', 'evaluated'].map((one) => bytes(said[one]));
    const items = inputs.map((input, at) => ({ input, blind: blinds[at], blinded: blinded[at], evaluated: evaluated[at] }));
    try {
      return { outputs: hex(functions.finalise(items, hexToBytes(said.public_key), hexToBytes(said.proof), mode)) };
    } catch (error) {
      return { refused: error.message };
    }
  }
  const keys = functions.keys(said, mode);
  if (said.do === 'compute') return { outputs: hex(bytes(said.inputs).map((one) => functions.compute(keys, one, mode))) };
  const answer = functions.evaluate(keys, bytes(said.blinded), mode);
  return { public_key: bytesToHex(keys.publicKey), evaluated: hex(answer.evaluated), proof: bytesToHex(answer.proof ?? new Uint8Array()) };
}

for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(done(JSON.parse(line))));
