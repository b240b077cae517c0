/**
 * Takes AVX-512, and with it VNNI, away from the installed onnxruntime-node, or gives it back with --restore: so that a comparison "on AVX2" can be
 * made on a processor that has more. The library chooses its kernels by `cpuid` and has no option for it; one branch in the constructor
 * of MLAS's platform table leads to all that AVX-512 adds: `test $0xe0,%al; je` after the second look at XCR0. Without the jump it is never
 * taken. Works on exactly the library that the lockfile names and refuses any other. The package's version says what was done.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const home = join(import.meta.dirname, "node_modules", "onnxruntime-node");
const library = join(home, "bin", "napi-v6", "linux", "x64", "libonnxruntime.so.1");
const manifest = join(home, "package.json");
const offset = 0x16abd25;
/** `test $0xe0,%al`, which stays, then the jump. */
const before = Buffer.from("a8e0", "hex");
const jump = Buffer.from("0f849e000000", "hex");
const nothing = Buffer.from("909090909090", "hex");

const restores = process.argv.includes("--restore");
const { version, ...rest } = JSON.parse(readFileSync(manifest, "utf8"));
const [release] = version.split("+");
const bytes = readFileSync(library);
const found = bytes.subarray(offset, offset + jump.length);
const isKnown =
  bytes.subarray(offset - before.length, offset).equals(before) && (found.equals(jump) || found.equals(nothing));
if (release !== "1.30.0" || !isKnown) {
  console.error(
    `${library} is not the library of onnxruntime-node 1.30.0 for Linux on x64: nothing was changed; npm --prefix bench/peers ci installs it.`,
  );
  process.exit(1);
}
(restores ? jump : nothing).copy(found);
// A process that has the old one in its memory keeps it.
writeFileSync(`${library}.new`, bytes);
renameSync(`${library}.new`, library);
writeFileSync(manifest, `${JSON.stringify({ ...rest, version: restores ? release : `${release}+avx2` }, null, 2)}\n`);
console.log(
  restores
    ? "onnxruntime-node uses what the processor has"
    : "onnxruntime-node uses AVX2 at most; --restore gives the rest back",
);
