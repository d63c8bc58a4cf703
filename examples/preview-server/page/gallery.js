// All generations that the server keeps.
import {byId, bytes, make, setSource, setText} from "./dom.js";
import {model, nameOf, newestOf, stepUrl} from "./model.js";
import {links} from "./panel.js";

const gallery = byId("gallery");
const cards = new Map();

// Of today the time, else the day too.
function time(generation) {
  const date = new Date(generation.date * 1000);
  const clock = date.toLocaleTimeString([], {hour: "2-digit", minute: "2-digit"});
  if (date.toDateString() === new Date().toDateString()) return clock;
  return `${date.toLocaleDateString([], {day: "numeric", month: "short"})}, ${clock}`;
}

class Card {
  constructor(id, open, compare) {
    this.image = make("img", {alt: ""});
    this.name = make("b");
    this.meta = make("span", {class: "meta"});
    this.box = make("input", {type: "checkbox"});
    this.box.onchange = () => compare(id, this.box.checked);
    this.open = make("button", {class: "open", onclick: () => open(id)}, this.image);
    this.root = make("article", {class: "card"}, this.open,
        make("div", {class: "text"}, this.name, this.meta,
            make("div", {class: "links"}, ...links(id)),
            make("label", {}, this.box, "Side by side")));
  }

  draw(generation, shown) {
    const newest = newestOf(generation);
    if (newest) setSource(this.image, stepUrl(generation.id, newest, "thumbnail.jpg"));
    setText(this.name, nameOf(generation));
    const steps = generation.steps
        ? `${generation.step ?? "–"} / ${generation.steps}` : `${generation.came} steps`;
    const state = generation.state === "finished" ? "" : ` · ${generation.state}`;
    setText(this.meta, `${time(generation)} · ${steps}${state}`);
    this.open.title = this.image.alt = nameOf(generation);
    this.root.classList.toggle("shown", shown);
    this.box.checked = shown;
  }
}

export function drawGallery(shownIds, open, compare) {
  const newestFirst = [...model.generations.keys()].sort((a, b) => b - a);
  byId("past").hidden = newestFirst.length === 0;
  for (const [id, card] of cards) {
    if (model.generations.has(id)) continue;
    card.root.remove();
    cards.delete(id);
  }
  newestFirst.forEach((id, at) => {
    let card = cards.get(id);
    if (!card) cards.set(id, card = new Card(id, open, compare));
    if (gallery.children[at] !== card.root) {
      gallery.insertBefore(card.root, gallery.children[at] || null);
    }
    card.draw(model.generations.get(id), shownIds.includes(id));
  });
  const memory = model.status?.memory;
  const past = [...model.generations.values()].filter((g) => g.past).length;
  const connected = model.status?.latents.connected;
  if (memory) {
    setText(byId("memory"), `${newestFirst.length} kept` +
        (past ? ` (${past} from earlier)` : "") +
        `, ${bytes(memory.bytes)} of ${bytes(memory.limit)}` +
        (connected ? `, ${connected} program${connected > 1 ? "s" : ""} connected` : ""));
  }
}
