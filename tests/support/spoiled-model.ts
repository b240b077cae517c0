/** A copy of a tiny model's directory for each test, to be spoiled, and what loading it must then say. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect } from "vitest";
import { configToJson } from "../../bert/config.ts";
import { loadModel } from "../../bert/load.ts";
import { type ErrorCode, TaperError } from "../../engine/errors.ts";
import { tinyConfig, writeTinyModel } from "./tiny-model.ts";

/** A TaperError of this code whose message has these parts and is short enough to be read. */
export async function refused(promise: Promise<unknown>, code: ErrorCode, ...parts: string[]): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(TaperError);
  const { code: found, message } = error as TaperError;
  expect([found, message]).toEqual([code, expect.any(String)]);
  for (const part of parts) expect(message).toContain(part);
  expect(message.length).toBeLessThan(1000);
}

export class SpoiledModel {
  /** The directory that the copies are made of. */
  readonly good = writeTinyModel();
  /** This test's own. */
  directory = "";

  at(name: string): string {
    return join(this.directory, name);
  }

  put(name: string, content: string | Uint8Array): void {
    writeFileSync(this.at(name), content);
  }

  putConfig(changes: object): void {
    this.put("config.json", JSON.stringify({ ...configToJson(tinyConfig), ...changes }));
  }

  putTaper(json: unknown): void {
    this.put("taperbert.json", JSON.stringify(json));
  }

  /** Leaves the dense model, so that nothing else can be refused first. */
  withoutParts(): void {
    this.putTaper({ schemaVersion: 1 });
  }

  refused(code: ErrorCode, ...parts: string[]): Promise<void> {
    const loading = loadModel(this.directory).then((model) => model.dispose());
    return refused(loading, code, ...parts);
  }
}

/** For the file that calls this: a fresh copy before each test, and nothing left after the last. */
export function spoiledModel(): SpoiledModel {
  const model = new SpoiledModel();
  beforeEach(() => {
    model.directory = mkdtempSync(join(tmpdir(), "taper-bad-"));
    cpSync(model.good, model.directory, { recursive: true });
  });
  afterEach(() => rmSync(model.directory, { recursive: true }));
  afterAll(() => rmSync(model.good, { recursive: true }));
  return model;
}
