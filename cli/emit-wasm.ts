/** `taperbert emit-wasm`: the kernels' module as a file, to be compiled by a bundler or a server where bytes may not be compiled. */
import { TaperError } from "../engine/errors.ts";
import { writeFileAtomically } from "../engine/files.ts";
import { emitModule } from "../kernels/backends/wasm-module.ts";
import { commonFlags, type Flags, parseFlags, printHelp, required } from "./flags.ts";
import { type Io, printJson } from "./io.ts";

const flags = {
  out: { type: "string", value: "FILE", help: "where the module goes" },
  simd: { type: "string", value: "BUILD", help: "plain (the default: every engine), relaxed or wide" },
  shared: { type: "boolean", help: "for several threads" },
  ...commonFlags,
} as const satisfies Flags;

const examples = ["taperbert emit-wasm --out taperbert.wasm", "taperbert emit-wasm --simd relaxed --out relaxed.wasm"];

const about = `loadModel(source, { wasmModule }) takes the compiled module. It belongs to this version of taperbert; another refuses it.`;

export async function emitWasm(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("emit-wasm", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  const { simd = "plain", shared = false } = values;
  if (simd !== "plain" && simd !== "relaxed" && simd !== "wide") {
    throw new TaperError("ERR_OPTION", `--simd: expected plain, relaxed or wide; found "${simd}".`);
  }
  const out = required(values.out, "emit-wasm", "out");
  const bytes = emitModule(simd, shared);
  await writeFileAtomically(out, bytes);
  if (values.json) printJson(io, { path: out, simd, shared, bytes: bytes.length });
  else io.out(`${out}: the ${simd} build${shared ? " for several threads" : ""}, ${bytes.length} bytes`);
  return 0;
}
