/**
 * A backend that passes everything on and tells of each operation that ran: what counters and recorders are made of. Its handles stay the
 * inner backend's own. It is not for timing: the wrapper costs time.
 */
import type { Backend, Handle } from "../engine/backend.ts";

/** `ran` is called after an operation; one that throws is not told of. */
export function observed<Ops, H extends Handle>(
  inner: Backend<Ops, H>,
  ran: <K extends keyof Ops>(name: K, args: Ops[K]) => void,
): Backend<Ops, H> {
  return {
    name: inner.name,
    variant: inner.variant,
    allocate: (length, kind) => inner.allocate(length, kind),
    upload: (values) => inner.upload(values),
    pack: (matrix) => inner.pack(matrix),
    packInt8: (matrix) => inner.packInt8(matrix),
    write: (handle, values) => inner.write(handle, values),
    read: (handle, length, room) => inner.read(handle, length, room),
    release: (handle) => inner.release(handle),
    dispose: () => inner.dispose(),
    ...(inner.intake && { intake: inner.intake }),
    op(name, args) {
      inner.op(name, args);
      ran(name, args);
    },
  };
}
