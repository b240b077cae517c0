/** The worker that a page's pipeline starts: a file of its own in the build, `pipeline-worker.js` beside the code that starts it. */
import { type Port, serve } from "./serve.ts";

serve(globalThis as unknown as Port);
