import { defineConfig } from "vite";

// Cross-origin isolation, which browsers ask for before they share memory between threads.
const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

export default defineConfig({
  server: { headers },
  preview: { headers },
  // The bundled model stands for yours.
  publicDir: "../../models",
});
