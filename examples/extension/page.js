// The model is part of the extension. The model itself lives in a worker that the library starts: this page stays responsive.
import { pipeline } from "taperbert";

const began = performance.now();
// Threads need shared memory, and that a page which is cross-origin isolated (manifest.json); elsewhere it is one, and `info` says why.
const classify = await pipeline("text-classification", "/sst2-12x128/", { threads: 4 });
const loadMs = performance.now() - began;

async function answer(text) {
  const began = performance.now();
  const [{ label, score }] = await classify(text);
  const ms = performance.now() - began;
  const { backend, why, threads, threadsWhy } = classify.info;
  document.querySelector("#result").textContent = JSON.stringify(
    { label, score, ms, loadMs, backend, why, threads, threadsWhy },
    null,
    2,
  );
}

const form = document.querySelector("form");
form.addEventListener("submit", (event) => {
  event.preventDefault();
  answer(form.text.value);
});
await answer(form.text.value);
