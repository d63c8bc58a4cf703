// Noise (sigma) and change of each step, as two lines.
import {byId, make, short} from "./dom.js";

const WIDTH = 300;
const HEIGHT = 100;
const figure = byId("plot");
const SVG = "http://www.w3.org/2000/svg";
let drawn = "";

function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, value);
  }
  return element;
}

const svg = shape("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
                          preserveAspectRatio: "none", role: "img"});
const caption = make("figcaption");
figure.append(svg, caption);

// The x of a step: by its number where a total is known, so that the line grows
// towards the right edge.
function columns(history, total) {
  const first = history[0]?.step ?? 0;
  const last = Math.max(total ?? 0, history.at(-1)?.step ?? history.length - 1);
  const span = Math.max(1, last - first);
  return history.map((step, i) => WIDTH * ((step.step ?? i) - first) / span);
}

// Noise falls to 0 in a line; change is looked at in its powers of ten, for the
// last steps matter and are small.
const DECADES = 3;
const linear = (part) => part;
const powers = (part) => 1 + Math.log10(Math.max(part, 1e-9)) / DECADES;

function line(history, xs, key, scale) {
  const top = Math.max(1e-9, ...history.map((step) => step[key] ?? 0));
  let path = "";
  history.forEach((step, i) => {
    const value = step[key];
    if (value === null || value === undefined) return;
    const y = HEIGHT - HEIGHT * Math.min(1, Math.max(0, scale(value / top)));
    path += `${path ? "L" : "M"}${xs[i].toFixed(1)} ${y.toFixed(1)}`;
  });
  return path;
}

// From which step on nothing changed any more; -1: it still does.
function settledFrom(history) {
  const last = history.findLastIndex((step) => !step.converged);
  return last + 1 < history.length ? last + 1 : -1;
}

function legend(kind, label, value) {
  return make("span", {class: kind}, make("i"), `${label} `,
      make("b", {}, short(value)));
}

export function drawPlot(generation, at) {
  const history = generation.history || [];
  const key = `${generation.id} ${history.length} ${history.at(-1)?.change} ` +
      `${generation.steps} ${at}`;
  if (key === drawn) return;
  drawn = key;
  const xs = columns(history, generation.steps);
  svg.replaceChildren();
  for (const part of [0, .5, 1]) {
    svg.append(shape("line", {class: "grid", x1: 0, x2: WIDTH,
                              y1: HEIGHT * part, y2: HEIGHT * part}));
  }
  const settled = settledFrom(history);
  if (settled >= 0) {
    svg.append(shape("rect", {class: "settled", x: xs[settled], y: 0,
                              width: WIDTH - xs[settled], height: HEIGHT}));
  }
  const sigma = line(history, xs, "sigma", linear);
  if (sigma) {
    const right = xs.at(-1).toFixed(1);
    svg.append(shape("path", {class: "fill",
                              d: `${sigma}L${right} ${HEIGHT}L0 ${HEIGHT}Z`}));
    svg.append(shape("path", {class: "sigma", d: sigma}));
  }
  const change = line(history, xs, "change", powers);
  if (change) svg.append(shape("path", {class: "change", d: change}));
  const step = history[at];
  if (step) {
    svg.append(shape("line", {class: "now", x1: xs[at], x2: xs[at],
                              y1: 0, y2: HEIGHT}));
  }
  caption.replaceChildren(legend("sigma", "noise σ", step?.sigma));
  if (change) caption.append(legend("change", "change, logarithmic", step?.change));
  if (settled >= 0) {
    caption.append(make("span", {class: "settled"},
        `settled at step ${history[settled].step ?? settled}`));
  }
  svg.setAttribute("aria-label", `Noise ${short(step?.sigma)} at this step`);
}

// `pick` is called with a part of the known steps, from 0 to 1.
export function onPlotPick(pick) {
  const move = (event) => {
    if (event.type === "pointermove" && event.buttons === 0) return;
    const box = svg.getBoundingClientRect();
    const lines = svg.querySelectorAll("path.sigma, path.change");
    const known = Math.max(...[...lines].map((l) => l.getBBox().width), 1);
    const x = (event.clientX - box.left) / box.width * WIDTH;
    pick(Math.min(1, Math.max(0, x / known)));
  };
  svg.addEventListener("pointerdown", move);
  svg.addEventListener("pointermove", move);
}
