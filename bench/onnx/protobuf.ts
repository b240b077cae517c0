/**
 * Protocol Buffers' wire format, as far as writing an ONNX model needs it. A message is a list of chunks and is copied once, when it
 * is done: a model of 440 MB would not like to be copied at each level that it is nested in. It reads nothing.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */

/** Encoded fields. */
export interface Message {
  readonly bytes: number;
  readonly chunks: readonly Uint8Array[];
}

const wire = { varint: 0, delimited: 2, fixed32: 5 } as const;

/** Fields one after the other: the body of a message. */
export function message(...fields: readonly Message[]): Message {
  return {
    bytes: fields.reduce((sum, field) => sum + field.bytes, 0),
    chunks: fields.flatMap((field) => field.chunks),
  };
}

/** A whole number from 0 to 2⁵³ (int32, int64, enumerations). */
export function integer(field: number, value: number): Message {
  return chunk([...varint(tag(field, wire.varint)), ...varint(value)]);
}

/** A `float`. */
export function float(field: number, value: number): Message {
  const bytes = new Uint8Array(Float32Array.of(value).buffer);
  return chunk([...varint(tag(field, wire.fixed32)), ...bytes]);
}

/** A `string`, in UTF-8. */
export function text(field: number, value: string): Message {
  return bytes(field, new TextEncoder().encode(value));
}

/** `bytes`. The values are not copied: they must stay as they are until the message is joined. */
export function bytes(field: number, value: ArrayBufferView): Message {
  const here = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return delimited(field, { bytes: here.length, chunks: [here] });
}

/** A message as a field of another. */
export function nested(field: number, ...fields: readonly Message[]): Message {
  return delimited(field, message(...fields));
}

/** The encoded message in one piece. */
export function join({ bytes, chunks }: Message): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const part of chunks) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function delimited(field: number, body: Message): Message {
  return message(chunk([...varint(tag(field, wire.delimited)), ...varint(body.bytes)]), body);
}

function chunk(values: readonly number[]): Message {
  return { bytes: values.length, chunks: [Uint8Array.from(values)] };
}

const tag = (field: number, wireType: number): number => 8 * field + wireType;

/** Seven bits a byte, the lowest first; the eighth bit says that more follow. */
function varint(value: number): number[] {
  const septets: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...septets, rest];
    septets.push(128 + (rest % 128));
  }
}
