// The big pictures: one, or several side by side.
import {byId, make, setSource, setText} from "./dom.js";
import {model, nameOf, newestOf, picturesOf, stepUrl} from "./model.js";
import {drawTransport, liveVideo} from "./rtc.js";

const stage = byId("stage");
const tiles = new Map();  // generation's id -> tile

class Tile {
  constructor(id, focus) {
    this.id = id;
    this.stream = make("img", {alt: "", class: "stream"});
    this.still = make("img", {alt: "", class: "still"});
    this.glow = make("img", {alt: "", class: "glow"});
    this.frame = make("div", {class: "frame", onclick: () => focus(id)},
        this.glow, this.stream, this.still);
    this.line = make("i");
    this.name = make("b");
    this.count = make("span");
    this.root = make("figure", {class: "tile"}, this.frame,
        make("div", {class: "line"}, this.line),
        make("figcaption", {}, this.name, this.count));
    this.streams = false;  // whether it follows, if no step is chosen
    this.wanted = "";      // of the still picture; "" = none
    this.loading = false;
  }

  // An image without a source ends its stream; one that is only taken out of
  // the page does not.
  end() {
    this.stream.removeAttribute("src");
    this.root.remove();
  }

  // Shows a step's picture when it is there, and until then what was there
  // before. Of several that are wanted meanwhile only the newest is loaded.
  async show(url) {
    this.wanted = url;
    if (this.loading) return;
    this.loading = true;
    while (this.wanted && this.still.getAttribute("src") !== this.wanted) {
      const next = this.wanted;
      const image = new Image();
      image.src = next;
      try {
        await image.decode();
        if (this.wanted) this.still.src = next;
      } catch {
        if (this.wanted === next) break;
      }
    }
    this.loading = false;
    this.still.hidden = !this.wanted;
    if (this.wanted && !this.streams) this.stream.removeAttribute("src");
  }

  // `video`: what shows it, or null. MJPEG goes on until that is there.
  follow(video) {
    if (video) {
      if (video.parentNode !== this.frame) this.stream.after(video);
      if (video.paused) video.play().catch(() => {});  // where it was before
      this.stream.removeAttribute("src");
    } else {
      setSource(this.stream, `live.mjpg?generation=${this.id}`);
    }
    this.wanted = "";
    if (!this.loading) this.still.hidden = true;
  }

  draw(generation, place, streams) {
    const pictures = picturesOf(generation);
    const step = place === null ? pictures.at(-1) : pictures[stepAt(pictures, place)];
    const known = step || newestOf(generation);
    if (generation.width) {
      this.root.style.setProperty("--shape", generation.width / generation.height);
    }
    this.streams = streams;
    if (document.hidden) this.stream.removeAttribute("src");
    if (known) setSource(this.glow, stepUrl(this.id, known, "thumbnail.jpg"));
    const video = streams && known && onlyOneRuns() ? liveVideo() : null;
    if (!video) this.frame.querySelector("video")?.remove();
    if (streams && place === null) this.follow(video);
    else if (known) this.show(stepUrl(this.id, known, "picture.jpg"));
    const number = step?.step ?? generation.step;
    const total = generation.steps;
    this.line.style.width = total ? `${100 * number / total}%` : "0";
    setText(this.name, nameOf(generation));
    setText(this.count, total ? `${number ?? "–"} / ${total}` : `${number ?? ""}`);
    this.still.alt = this.stream.alt = `${nameOf(generation)}, step ${number}`;
  }
}

// The video has the newest picture of all generations.
function onlyOneRuns() {
  return [...model.generations.values()]
      .filter((generation) => generation.state === "running").length === 1;
}

// Which of the pictures lies at a place from 0 (first) to 1 (last).
function stepAt(pictures, place) {
  return Math.round(place * Math.max(0, pictures.length - 1));
}

// `place`: from the first step, 0, to the last, 1; null: the newest. A single
// generation that runs streams. `focus` is called with the id of one that is
// pressed.
export function drawStage(shown, first, place, focus) {
  stage.classList.toggle("single", shown.length === 1);
  const ids = new Set(shown.map((generation) => generation.id));
  for (const [id, tile] of tiles) {
    if (ids.has(id)) continue;
    tile.end();
    tiles.delete(id);
  }
  shown.forEach((generation, at) => {
    let tile = tiles.get(generation.id);
    if (!tile) tiles.set(generation.id, tile = new Tile(generation.id, focus));
    if (stage.children[at] !== tile.root) {
      stage.insertBefore(tile.root, stage.children[at] || null);
    }
    const streams = shown.length === 1 && generation.state === "running" &&
        !document.hidden;
    tile.root.classList.toggle("focus", generation === first);
    tile.draw(generation, place, streams);
    if (at === 0) drawTransport(streams && onlyOneRuns());
  });
}
