// The strip of steps, and the slider over it.
import {byId, make, setSource} from "./dom.js";
import {picturesOf, stepUrl} from "./model.js";

const strip = byId("film");
const slider = byId("scrub");
let shownId = null;
let shownUrls = [];
let shownAt = -1;

function cell(generation, step, onPick) {
  return make("button", {title: `Step ${step.step ?? step.index}`, onclick: onPick},
      make("img", {src: stepUrl(generation.id, step, "thumbnail.jpg"),
                   alt: "", loading: "lazy"}),
      make("span", {}, String(step.step ?? step.index)));
}

// Keeps what is there and adds what came: a strip that is scrolled stays.
export function drawFilm(generation, at, pick) {
  const pictures = picturesOf(generation);
  const urls = pictures.map((step) => step.index);
  const grows = generation.id === shownId &&
      shownUrls.every((index, i) => index === urls[i]);
  if (!grows) strip.replaceChildren();
  for (let i = strip.children.length; i < pictures.length; ++i) {
    strip.append(cell(generation, pictures[i], () => pick(i)));
  }
  const last = pictures.at(-1);  // the one that may have become better
  if (last) {
    setSource(strip.lastChild.firstChild,
        stepUrl(generation.id, last, "thumbnail.jpg"));
  }
  // The cells have their size before their pictures are there.
  if (generation.width) {
    strip.style.setProperty("--shape", generation.width / generation.height);
  }
  shownId = generation.id;
  shownUrls = urls;
  slider.max = Math.max(0, pictures.length - 1);
  slider.value = Math.max(0, at);
  if (!grows) shownAt = -1;
  if (at === shownAt || at < 0) return;
  strip.children[shownAt]?.removeAttribute("aria-current");
  shownAt = at;
  const current = strip.children[at];
  current.setAttribute("aria-current", "true");
  strip.scrollLeft = current.offsetLeft - strip.offsetLeft -
      (strip.clientWidth - current.clientWidth) / 2;
}
