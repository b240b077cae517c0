/**
 * The worker that computes on a GPU. gpu.js builds code from strings, so this one script is served with `unsafe-eval`; the page
 * that starts it keeps its own strict policy, because a worker's is its own.
 */
import { gpu } from "../../gpu.ts";
import { work } from "./work.ts";

const mode = new URLSearchParams(location.search).get("mode") === "webgpu" ? "webgpu" : "webgl2";
work(async () => ({ backend: await gpu({ mode }) }));
