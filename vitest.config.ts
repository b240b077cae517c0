import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    globalSetup: ["tests/gpu/coverage.ts"],
    include: ["tests/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
