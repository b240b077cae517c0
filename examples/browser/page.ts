/** The page: a text and two dials in, a label, a pyramid and the figures out. It computes nothing; a worker does (reader.ts). */
import { depthColour } from "../../bench/charts/funnel.ts";
import { gflops } from "../../bench/flops.ts";
import type { Dials, Explanation } from "../../index.ts";
import { pyramidPicture } from "./picture.ts";
import type { BackendChoice, Reply } from "./protocol.ts";
import { openReader, type Reader, reasonAgainst } from "./reader.ts";
import { samples } from "./samples.ts";

interface State {
  reader: Reader;
  /** Of the request whose replies count. */
  id: number;
  explanation: Explanation | undefined;
  defaults: { keepThreshold: number; entropy: number } | undefined;
  announcing: ReturnType<typeof setTimeout> | undefined;
}

function find<E extends HTMLElement>(id: string, kind: { new (): E }): E {
  const element = document.getElementById(id);
  if (element instanceof kind) return element;
  throw new Error(`the page has no ${kind.name} called ${id}`);
}

const text = find("text", HTMLTextAreaElement);
const keep = find("keep", HTMLInputElement);
const entropy = find("entropy", HTMLInputElement);
const picture = find("picture", HTMLElement);
const sentence = find("sentence", HTMLElement);
const times = find("times", HTMLElement);
const status = find("status", HTMLElement);
const radios = [...document.querySelectorAll<HTMLInputElement>('input[name="backend"]')];
const show = (id: string, words: string): void => {
  find(id, HTMLElement).textContent = words;
};

const state: State = {
  reader: openReader("wasm", hear),
  id: 0,
  explanation: undefined,
  defaults: undefined,
  announcing: undefined,
};

function choose(choice: BackendChoice): void {
  state.reader.close();
  document.body.dataset.state = "loading";
  show("runs", "starting…");
  picture.ariaBusy = "true";
  times.classList.add("stale");
  state.reader = openReader(choice, hear);
}

function hear(reply: Reply): void {
  switch (reply.kind) {
    case "ready":
      document.body.dataset.state = "ready";
      show("runs", `runs on ${reply.runs}`);
      if (state.defaults === undefined) takeDefaults(reply.defaults);
      read();
      return;
    case "read":
      if (reply.id !== state.id) return;
      state.explanation = reply.explanation;
      draw(reply.explanation);
      return;
    case "timed":
      if (reply.id === state.id) drawTimes(reply);
      return;
    case "failed":
      fail(reply.message);
  }
}

/** A GPU that cannot run here says why, and the CPU takes over. */
function fail(message: string): void {
  const chosen = radios.find((radio) => radio.checked);
  if (chosen === undefined || chosen.value === "wasm") {
    document.body.dataset.state = "failed";
    show("label", "It does not run here");
    show("end", message);
    status.textContent = `It does not run here: ${message}`;
    return;
  }
  refuse(chosen, message);
  status.textContent = `${message} Computing on the CPU again.`;
  radios[0].checked = true;
  radios[0].focus();
  choose("wasm");
}

function refuse(radio: HTMLInputElement, reason: string): void {
  radio.disabled = true;
  const why = find(`${radio.value}-why`, HTMLElement);
  why.textContent = `Unavailable: ${reason}`;
  why.hidden = false;
}

function takeDefaults({ skim, exit }: Dials): void {
  state.defaults = {
    keepThreshold: (skim === false ? undefined : skim?.keepThreshold) ?? 0,
    entropy: (exit === false ? undefined : exit?.entropy) ?? 0,
  };
  resetDials();
}

function resetDials(): void {
  if (state.defaults === undefined) return;
  keep.value = String(state.defaults.keepThreshold);
  entropy.value = String(state.defaults.entropy);
}

/** Hands the text and the dials to the worker, if there is something to read and somebody to read it. */
function read(): void {
  if (state.defaults === undefined || document.body.dataset.state !== "ready") return;
  show("keep-value", Number(keep.value).toFixed(2));
  show("entropy-value", Number(entropy.value).toFixed(2));
  const words = text.value.trim();
  if (words === "") {
    clear();
    return;
  }
  const dials: Dials = { skim: { keepThreshold: Number(keep.value) }, exit: { entropy: Number(entropy.value) } };
  state.id = state.reader.read(words, dials);
  picture.ariaBusy = "true";
}

function clear(): void {
  state.id = 0;
  state.explanation = undefined;
  for (const id of ["score", "gflops", "dense-gflops", "ms", "dense-ms"]) show(id, "");
  for (const id of ["fewer", "faster"]) show(id, "–");
  for (const id of ["bar-gflops", "bar-ms"]) find(id, HTMLElement).style.width = "0";
  show("label", "…");
  show("end", "waiting for words");
  picture.replaceChildren();
  sentence.hidden = true;
  announce("");
}

function draw(explanation: Explanation): void {
  picture.ariaBusy = "false";
  times.classList.add("stale");
  const { label, score, exitLayer, layers, macs, denseMacs, truncated } = explanation;
  const early = exitLayer < layers;
  show("label", label);
  show("score", `${(100 * score).toFixed(1)} %`);
  const end = early ? `sure after layer ${exitLayer} of ${layers}` : `answered by the last layer, ${layers}`;
  show("end", truncated ? `${end}; the text was too long and was cut` : end);
  drawPicture();
  show("fewer", factor(denseMacs / macs, "fewer", "more"));
  show("gflops", `${gflops(macs).toPrecision(2)}`);
  show("dense-gflops", `${gflops(denseMacs).toPrecision(2)} dense`);
  find("bar-gflops", HTMLElement).style.width = `${Math.min(100, (100 * macs) / denseMacs)}%`;
  announce(`${label}, ${(100 * score).toFixed(0)} percent, ${end}.`);
}

function drawPicture(): void {
  const { explanation } = state;
  if (explanation === undefined) return;
  const drawn = pyramidPicture(explanation, { width: picture.clientWidth, measure });
  picture.innerHTML = drawn.svg;
  sentence.hidden = drawn.legible;
  if (!drawn.legible) drawSentence(explanation);
}

/** The words themselves, where the picture has no room for them: the deeper one went, the stronger its ground. */
function drawSentence({ words, layers, exitLayer }: Explanation): void {
  const parts = words.flatMap(({ text: word, start, layers: reached, stayed }, i) => {
    const span = document.createElement("span");
    span.textContent = word;
    span.className = stayed ? "stayed" : "left";
    if (reached > 0) {
      span.style.background = `color-mix(in oklab, ${depthColour(stayed ? exitLayer : reached, layers)} 38%, transparent)`;
    }
    return i > 0 && start > words[i - 1].end ? [" ", span] : [span];
  });
  sentence.replaceChildren(...parts);
}

function drawTimes({ ms, denseMs, ratio, rounds }: Reply & { kind: "timed" }): void {
  times.classList.remove("stale");
  show("faster", factor(ratio, "faster", "slower"));
  show("ms", ms.toPrecision(2));
  show("dense-ms", `${denseMs.toPrecision(2)} dense`);
  show("rounds", `Both ran here on this text, in turns; medians of ${rounds}.`);
  find("bar-ms", HTMLElement).style.width = `${Math.min(100, 100 / ratio)}%`;
}

function factor(ratio: number, better: string, worse: string): string {
  return ratio >= 1 ? `${ratio.toFixed(1)}× ${better}` : `${(1 / ratio).toFixed(1)}× ${worse}`;
}

/** Not at every letter: once the typing rests. */
function announce(words: string): void {
  clearTimeout(state.announcing);
  state.announcing = setTimeout(() => {
    status.textContent = words;
  }, 700);
}

const brush = document.createElement("canvas").getContext("2d");

/** Pixels that a text takes in the page's font of 1 px. */
function measure(words: string): number {
  if (brush === null) return 0.56 * words.length;
  brush.font = `100px ${getComputedStyle(document.body).fontFamily}`;
  return brush.measureText(words).width / 100;
}

for (const { name, words } of samples) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = name;
  button.addEventListener("click", () => {
    text.value = words;
    read();
  });
  find("samples", HTMLElement).append(button);
}
if (text.value === "") text.value = samples[0].words;
for (const input of [text, keep, entropy]) input.addEventListener("input", read);
find("reset", HTMLButtonElement).addEventListener("click", () => {
  resetDials();
  read();
});
for (const radio of radios) {
  radio.addEventListener("change", () => choose(radio.value as BackendChoice));
  reasonAgainst(radio.value as BackendChoice).then((reason) => reason && refuse(radio, reason));
}
new ResizeObserver(drawPicture).observe(picture);
