/** Messages are for people, whatever a file put into them. */
import { expect, it } from "vitest";
import { nearestName, TaperError } from "../../engine/errors.ts";

it("cuts a long message in its middle, and leaves others alone", () => {
  const name = "x".repeat(1e6);
  const { message } = new TaperError(
    "ERR_CHECKPOINT",
    `model.safetensors: tensor "${name}" is missing; get the file anew.`,
  );
  expect(message.length).toBeLessThan(1600);
  expect(message).toMatch(/^model\.safetensors: tensor "x+ … x+" is missing; get the file anew\.$/);
  const long = "y".repeat(1500);
  expect(new TaperError("ERR_FILE", long).message).toBe(long);
});

it("looks for the nearest name without measuring those that are far too long", () => {
  // Measured, these would take minutes.
  const long = Array<string>(2000).fill("x".repeat(1e6));
  expect(nearestName("bert.embeddings", [...long, "bert.embedings"])).toBe("bert.embedings");
});
