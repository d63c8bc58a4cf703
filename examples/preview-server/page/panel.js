// Progress of the generation that is looked at, in words and numbers.
import {byId, duration, make, setText, short} from "./dom.js";
import {askToStop, nameOf} from "./model.js";

const facts = byId("facts");
const bar = byId("bar");
const stop = byId("stop");
const downloads = byId("downloads");
const cells = new Map();
let linksOf = null;

function fact(label, value) {
  let cell = cells.get(label);
  if (!cell) {
    cell = make("dd");
    facts.append(make("div", {}, make("dt", {}, label), cell));
    cells.set(label, cell);
  }
  setText(cell, value);
}

function pace(rate) {
  if (!rate) return "–";
  return rate >= 1 ? `${short(rate)} /s` : `${short(1 / rate)} s each`;
}

// `quick`: with the film that needs no decoding.
export function links(id, quick) {
  const of = `generations/${id}`;
  const film = `${of}/timelapse.webm`;
  return [
    make("a", {href: film, download: "", title: "A WebM of all steps, each decoded once more in full quality; that may take a while"}, "Film"),
    ...(quick ? [make("a", {href: `${film}?from=pictures`, download: "", title: "A WebM of the pictures as they were shown; soon there"}, "Quick film")] : []),
    make("a", {href: `${of}/latents.safetensors`, download: "", title: "All latents, safetensors"}, "Latents"),
    make("a", {href: `${of}/snapshot.png`, target: "_blank", title: "The last picture, lossless"}, "PNG"),
  ];
}

// `step` is the one that is looked at, `live` that it is the newest.
export function drawPanel(generation, step, live) {
  const running = generation.state === "running";
  const number = (live ? generation.step : step?.step) ?? null;
  const total = generation.steps;
  const since = running ? (performance.now() - generation.heard) / 1000 : 0;
  setText(byId("title"), nameOf(generation));
  const state = byId("state");
  setText(state, generation.stop && running ? "stopping" : generation.state);
  state.dataset.is = generation.state;
  const part = total ? Math.min(100, 100 * (number ?? 0) / total) : 0;
  bar.firstElementChild.style.width = `${part}%`;
  bar.setAttribute("aria-valuenow", Math.round(part));
  fact("Step", total ? `${number ?? "–"} / ${total}` : `${number ?? generation.came}`);
  fact("Speed", pace(generation.steps_per_second));
  fact("Noise σ", short(live ? generation.sigma : step?.sigma));
  fact("Elapsed", duration(live ? generation.elapsed + since : step?.time));
  fact("Left", running ? duration(generation.remaining - since) : "–");
  fact("Seed", generation.seed ?? "–");
  fact("Size", generation.width ? `${generation.width}×${generation.height}` : "–");
  const broken = byId("broken");
  broken.hidden = !step?.nonfinite;
  setText(broken, step?.nonfinite
      ? `${step.nonfinite} numbers of this latent are NaN or infinite.` : "");
  stop.hidden = !running;
  stop.disabled = generation.stop;
  setText(stop, generation.stop ? "Stop asked for" : "Ask to stop");
  stop.title = "The program that generates sees this at /stop";
  stop.onclick = () => askToStop(generation.id);
  if (linksOf !== generation.id) downloads.replaceChildren(...links(generation.id, !generation.past));
  linksOf = generation.id;
}
