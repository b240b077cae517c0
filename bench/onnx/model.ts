/**
 * ONNX models as their protobuf messages: tensors, nodes, a graph with named inputs and outputs. It writes what it is given and knows no
 * operator.
 * Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (the field numbers)
 */
import { bytes, float, integer, join, type Message, message, nested, text } from "./protobuf.ts";

/** onnx.proto's TensorProto.DataType. */
const dataTypes = { f32: 1, u8: 2, i8: 3, i32: 6, i64: 7 } as const;
export type DataType = keyof typeof dataTypes;

export type AttributeValue = number | readonly number[] | string | { readonly float: number };

export interface OnnxNode {
  readonly op: string;
  /** "" for an input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** A number or a list of numbers is of whole ones. */
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** "com.microsoft", or ONNX's own if left out. */
  readonly domain?: string;
}

export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int8Array | Uint8Array | Int32Array | BigInt64Array;
}

export interface OnnxValue {
  readonly name: string;
  readonly type: DataType;
  /** A number, or a name for a side that each call has its own of. */
  readonly shape: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

const irVersion = 8;
const opset = 17;

/** The bytes of a .onnx file; protobuf allows them to be 2 GB. */
export function writeOnnx({ nodes, constants, inputs, outputs }: OnnxGraph): Uint8Array<ArrayBuffer> {
  const graph = [
    ...nodes.map((node) => nested(1, ...nodeFields(node))),
    text(2, "taperbert"),
    ...constants.map((tensor) => nested(5, ...tensorFields(tensor))),
    ...inputs.map((value) => nested(11, ...valueFields(value))),
    ...outputs.map((value) => nested(12, ...valueFields(value))),
  ];
  const imports = [
    { domain: "", version: opset },
    { domain: "com.microsoft", version: 1 },
  ].map(({ domain, version }) => nested(8, text(1, domain), integer(2, version)));
  return join(message(integer(1, irVersion), text(2, "taperbert"), nested(7, ...graph), ...imports));
}

function nodeFields({ op, inputs, outputs, attributes = {}, domain = "" }: OnnxNode): Message[] {
  return [
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(3, outputs[0]),
    text(4, op),
    ...Object.entries(attributes).map(([name, value]) => nested(5, text(1, name), ...attributeFields(value))),
    text(7, domain),
  ];
}

/** The value's field and, as 20, the type that says which field it is. */
function attributeFields(value: AttributeValue): Message[] {
  if (typeof value === "number") return [integer(3, value), integer(20, 2)];
  if (typeof value === "string") return [text(4, value), integer(20, 3)];
  if ("float" in value) return [float(2, value.float), integer(20, 1)];
  return [...value.map((item) => integer(8, item)), integer(20, 7)];
}

function tensorFields({ name, shape, data }: OnnxTensor): Message[] {
  return [...shape.map((side) => integer(1, side)), integer(2, dataTypes[typeOf(data)]), text(8, name), bytes(9, data)];
}

function typeOf(data: OnnxTensor["data"]): DataType {
  if (data instanceof Float32Array) return "f32";
  if (data instanceof Int32Array) return "i32";
  if (data instanceof BigInt64Array) return "i64";
  return data instanceof Int8Array ? "i8" : "u8";
}

function valueFields({ name, type, shape }: OnnxValue): Message[] {
  const sides = shape.map((side) => nested(1, typeof side === "number" ? integer(1, side) : text(2, side)));
  return [text(1, name), nested(2, nested(1, integer(1, dataTypes[type]), nested(2, ...sides)))];
}
