/** What is signed of a document: DSSE, version 1, "Protocol". */

/** A document, and signatures over it. */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  readonly signatures: readonly Uint8Array[];
}

/** The bytes that are signed of a payload: its type is among them, so that nobody can give it another one. */
export function preAuthEncoding({ payloadType, payload }: Omit<Envelope, "signatures">): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}
