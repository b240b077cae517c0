// A service worker can start no workers: the model is loaded here, on one thread.
import { pipeline } from "taperbert";

const loading = pipeline("text-classification", "/sst2-12x128/");

globalThis.classify = async (text) => {
  const classify = await loading;
  const began = performance.now();
  const [{ label, score }] = await classify(text);
  return { label, score, ms: performance.now() - began, ...classify.info };
};

chrome.runtime.onMessage.addListener((text, _sender, respond) => {
  globalThis.classify(text).then(respond);
  return true;
});
