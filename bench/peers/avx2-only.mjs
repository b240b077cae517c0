/**
 * Takes AVX-512 and VNNI, in both its encodings, away from the installed onnxruntime-node, or gives them back with --restore: so that a comparison
 * "on AVX2" can be made on a processor that has more. The library chooses its kernels by `cpuid` and has no option for it; three branches in the
 * constructor of MLAS's platform table lead to what AVX2 has not. Works on exactly the library that the lockfile names and refuses any
 * other. The package's version says what was done.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const home = join(import.meta.dirname, "node_modules", "onnxruntime-node");
const library = join(home, "bin", "napi-v6", "linux", "x64", "libonnxruntime.so.1");
const manifest = join(home, "package.json");

/** Where each jump lies, the test before it, which stays, the jump, and what takes its place. */
const branches = [
  // AVX-VNNI: taken if bit 4 is not set, or always.
  { offset: 0x16abcda, test: "a810", jump: "7438", instead: "eb38" },
  // AVX-512, whose part of XCR0 is looked at a second time: taken if all is there, or never.
  { offset: 0x16abd25, test: "a8e0", jump: "0f849e000000", instead: "909090909090" },
  // AVX-VNNI-INT8: taken if bit 4 is not set, or always.
  { offset: 0x16abd2e, test: "f6c210", jump: "743a", instead: "eb3a" },
].map(({ offset, ...code }) => ({
  offset,
  test: Buffer.from(code.test, "hex"),
  jump: Buffer.from(code.jump, "hex"),
  instead: Buffer.from(code.instead, "hex"),
}));

const restores = process.argv.includes("--restore");
const { version, ...rest } = JSON.parse(readFileSync(manifest, "utf8"));
const [release] = version.split("+");
const bytes = readFileSync(library);
const isKnown = ({ offset, test, jump, instead }) => {
  const found = bytes.subarray(offset, offset + jump.length);
  return bytes.subarray(offset - test.length, offset).equals(test) && (found.equals(jump) || found.equals(instead));
};
if (release !== "1.30.0" || !branches.every(isKnown)) {
  console.error(
    `${library} is not the library of onnxruntime-node 1.30.0 for Linux on x64: nothing was changed; npm --prefix bench/peers ci installs it.`,
  );
  process.exit(1);
}
for (const { offset, jump, instead } of branches) (restores ? jump : instead).copy(bytes, offset);
// A process that has the old one in its memory keeps it.
writeFileSync(`${library}.new`, bytes);
renameSync(`${library}.new`, library);
writeFileSync(manifest, `${JSON.stringify({ ...rest, version: restores ? release : `${release}+avx2` }, null, 2)}\n`);
console.log(
  restores
    ? "onnxruntime-node uses what the processor has"
    : "onnxruntime-node uses AVX2 at most; --restore gives the rest back",
);
