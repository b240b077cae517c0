import { cp } from "node:fs/promises";

export default {
  mode: "production",
  entry: { main: "./main.js" },
  output: { clean: true },
  // An optional package, for RoBERTa's tokenizer alone: install it, or build without.
  ignoreWarnings: [/@huggingface\/tokenizers/],
  plugins: [{ apply: (compiler) => compiler.hooks.done.tapPromise("page", () => cp("index.html", "dist/index.html")) }],
};
