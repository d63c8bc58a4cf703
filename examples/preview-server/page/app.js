// What is looked at, and what follows from it.
import {byId, make, setText} from "./dom.js";
import {drawFilm} from "./film.js";
import {drawGallery} from "./gallery.js";
import {changed, loadHistory, model, onChange, picturesOf, start} from "./model.js";
import {drawPanel} from "./panel.js";
import {drawPlot, onPlotPick} from "./plot.js";
import {drawStage} from "./stage.js";

const MOST_TILES = 6;
const PLAY_MS = 125;

const view = {
  chosen: [],    // ids that somebody chose; [] follows what runs
  focus: null,   // the id of the one that panel and steps are about
  at: null,      // null: the newest step, else which picture of that one
  playing: null, // a timer
};

function shownGenerations() {
  view.chosen = view.chosen.filter((id) => model.generations.has(id));
  const all = [...model.generations.values()].sort((a, b) => b.id - a.id);
  if (view.chosen.length) return view.chosen.map((id) => model.generations.get(id));
  const running = all.filter((generation) => generation.state === "running");
  return (running.length ? running : all.slice(0, 1)).slice(0, MOST_TILES);
}

// The one of those shown that panel, slider and strip are about.
function focused(shown) {
  return shown.find((generation) => generation.id === view.focus) || shown[0];
}

function focus(id) {
  if (focused(shownGenerations()).id === id) return;
  view.focus = id;
  pickByHand(null);
}

function pick(at) {
  view.at = at;
  changed();
}

function pickByHand(at) {
  stopPlaying();
  pick(at);
}

function open(id) {
  stopPlaying();
  view.chosen = [id];
  pick(null);
  scrollTo({top: 0, behavior: "smooth"});
}

function compare(id, wanted) {
  const ids = shownGenerations().map((generation) => generation.id);
  view.chosen = wanted ? [...ids, id].slice(-MOST_TILES)
                       : ids.filter((other) => other !== id);
  changed();
}

function goLive() {
  stopPlaying();
  view.chosen = [];
  pick(null);
}

function stopPlaying() {
  clearInterval(view.playing);
  view.playing = null;
}

function pictureCount() {
  return picturesOf(focused(shownGenerations())).length;
}

function playOn() {
  const last = pictureCount() - 1;
  pick(Math.min(last, (view.at ?? last) + 1));
  if (view.at < last) return;
  stopPlaying();
  if (view.chosen.length === 0) view.at = null;
}

function togglePlay() {
  if (view.playing) {
    stopPlaying();
    return changed();
  }
  if (view.at === null || view.at >= pictureCount() - 1) view.at = 0;
  view.playing = setInterval(playOn, PLAY_MS);
  changed();
}

const PLAY = '<svg viewBox="0 0 20 20" width="18" height="18"><path fill="currentColor" d="M6 3.500v13l11-6.500z"/></svg>';
const PAUSE = '<svg viewBox="0 0 20 20" width="18" height="18"><path fill="currentColor" d="M5 3h4v14H5zm6 0h4v14h-4z"/></svg>';

function drawControls(first) {
  const button = byId("play");
  const icon = view.playing ? "pause" : "play";
  if (button.dataset.icon !== icon) {
    button.innerHTML = view.playing ? PAUSE : PLAY;
    button.dataset.icon = icon;
  }
  const live = view.chosen.length === 0 && view.at === null;
  const golive = byId("golive");
  golive.dataset.is = live && first.state === "running" ? "live" : "";
  golive.disabled = live;
}

const dismissed = new Set();

function drawNotices() {
  const box = byId("notices");
  const notices = (model.status?.notices || [])
      .filter((notice) => !dismissed.has(notice.text)).slice(-3);
  const key = JSON.stringify(notices.map((n) => [n.text, n.count]));
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.replaceChildren(...notices.map((notice) => make("div",
      {class: notice.error ? "notice error" : "notice"},
      make("span", {}, notice.text + (notice.count > 1 ? ` (${notice.count} times)` : "")),
      make("button", {"aria-label": "Dismiss", onclick: () => {
        dismissed.add(notice.text);
        drawNotices();
      }}, "×"))));
}

function draw() {
  const link = byId("link");
  setText(link, model.connected ? "connected" : "offline");
  link.dataset.is = model.connected ? "finished" : "offline";
  drawNotices();
  const shown = shownGenerations();
  byId("main").hidden = shown.length === 0;
  byId("empty").hidden = shown.length > 0 || !model.status;
  setText(byId("address"), model.status?.latents.address || "");
  drawGallery(shown.map((generation) => generation.id), open, compare);
  if (shown.length === 0) return;
  for (const generation of shown) loadHistory(generation.id);
  const first = focused(shown);
  const pictures = picturesOf(first);
  const last = pictures.length - 1;
  const at = Math.min(view.at ?? last, last);
  // Others show what lies as far along.
  const place = view.at === null ? null : at / Math.max(1, last);
  drawStage(shown, first, place, focus);
  drawFilm(first, at, pickByHand);
  drawPanel(first, pictures[at], view.at === null);
  drawPlot(first, (first.history || []).indexOf(pictures[at]));
  drawControls(first);
  document.title = first.state === "running" && first.steps
      ? `${first.step ?? 0}/${first.steps} · tae preview` : "tae preview";
}

function moveBy(steps) {
  const last = pictureCount() - 1;
  if (last >= 1) pickByHand(Math.min(last, Math.max(0, (view.at ?? last) + steps)));
}

function toggleFull() {
  if (document.fullscreenElement) document.exitFullscreen();
  else byId("view").requestFullscreen();
}

function onKey(event) {
  if (event.target.closest("input, button, a") && event.key !== "Escape") return;
  const keys = {ArrowLeft: () => moveBy(-1), ArrowRight: () => moveBy(1),
                Escape: goLive, " ": togglePlay, f: toggleFull};
  const act = keys[event.key];
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  act();
}

byId("play").onclick = togglePlay;
byId("full").onclick = toggleFull;
byId("full").hidden = !document.fullscreenEnabled;
byId("golive").onclick = goLive;
byId("scrub").oninput = (event) => pickByHand(Number(event.target.value));
onPlotPick((part) => pickByHand(Math.round(part * (pictureCount() - 1))));
addEventListener("keydown", onKey);
setInterval(() => document.hidden || changed(), 1000);  // the clocks
onChange(draw);
start();
