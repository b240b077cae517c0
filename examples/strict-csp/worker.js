import { pipeline } from "taperbert";

const loading = pipeline("text-classification", "/sst2-12x128/", { threads: 4 });

addEventListener("message", async ({ data: text }) => {
  const classify = await loading;
  const began = performance.now();
  const [{ label, score }] = await classify(text);
  postMessage({ label, score, ms: performance.now() - began, ...classify.info });
});
