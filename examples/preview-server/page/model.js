// What the server says, kept up to date by its events.

export const model = {
  status: null,             // of /status
  connected: false,
  generations: new Map(),   // id -> summary, with `history` once it was loaded
};

let listeners = [];
let events = null;
let instance = "";
let scheduled = false;

export function onChange(listener) {
  listeners.push(listener);
}

// Many changes, one drawing.
export function changed() {
  if (scheduled) return;
  scheduled = true;
  const draw = () => {
    scheduled = false;
    for (const listener of listeners) listener();
  };
  if (document.hidden) setTimeout(draw, 250);
  else requestAnimationFrame(draw);
}

// Numbers begin anew when the server does: its pictures must not be mixed up
// with those that the browser keeps.
// A picture may get better: each version is another one.
export function stepUrl(id, step, name) {
  return `generations/${id}/steps/${step.index}/${name}?of=${instance}` +
      `&version=${step.version}`;
}

export function nameOf(generation) {
  const name = generation.prompt || generation.name || `Generation ${generation.id}`;
  return generation.items ? `${generation.item + 1} of ${generation.items}: ${name}` : name;
}

// Steps of a generation that have a picture; [] until they are loaded.
export function picturesOf(generation) {
  return (generation?.history || []).filter((step) => step.picture);
}

// The newest picture, as the summary knows it; null when there is none.
export function newestOf(generation) {
  if (generation.picture === undefined) return null;
  return {index: generation.picture, version: generation.version};
}

function merge(summary) {
  const old = model.generations.get(summary.id);
  summary.history = old?.history;
  summary.loading = old?.loading;
  summary.heard = performance.now();
  model.generations.set(summary.id, summary);
  return summary;
}

function onStatus(status) {
  if (status.instance !== instance) {
    instance = status.instance;
    model.generations.clear();
  }
  model.status = status;
  const kept = new Set(status.generations.map((g) => g.id));
  for (const id of model.generations.keys()) {
    if (!kept.has(id)) model.generations.delete(id);
  }
  for (const summary of status.generations) merge(summary);
  changed();
}

function onStep(summary) {
  const latest = summary.latest;
  const generation = merge(summary);
  if (generation.history) put(generation.history, latest);
  else if (latest.index === 0) generation.history = [latest];
  changed();
}

function put(history, step) {
  const at = history.findIndex((old) => old.index >= step.index);
  if (at < 0) history.push(step);
  else if (history[at].index === step.index) history[at] = step;
  else history.splice(at, 0, step);
}

// Loads the steps where none, or not the newest, are known.
export async function loadHistory(id) {
  const generation = model.generations.get(id);
  if (!generation || generation.loading) return;
  const known = picturesOf(generation).at(-1)?.index;
  if (generation.history && known === generation.picture) return;
  generation.loading = true;
  try {
    const reply = await fetch(`generations/${id}`);
    if (!reply.ok) return;
    const history = (await reply.json()).history;
    const now = model.generations.get(id);
    if (now) now.history = history;
  } catch {
    // The next change tries again.
  } finally {
    const now = model.generations.get(id);
    if (now) now.loading = false;
    changed();
  }
}

export async function askToStop(id) {
  await fetch(`stop?generation=${id}`, {method: "POST"});
}

function connect() {
  if (events) return;
  events = new EventSource("events");
  events.onopen = () => { model.connected = true; changed(); };
  events.onerror = () => {
    model.connected = false;
    changed();
    if (events.readyState !== EventSource.CLOSED) return;
    disconnect();
    setTimeout(() => document.hidden || connect(), 2000);
  };
  events.addEventListener("status", (e) => onStatus(JSON.parse(e.data)));
  events.addEventListener("step", (e) => onStep(JSON.parse(e.data)));
}

function disconnect() {
  events?.close();
  events = null;
  model.connected = false;
}

// A page that nobody sees takes no connection: browsers have few for a host.
export function start() {
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) disconnect();
    else connect();
    changed();
  });
  addEventListener("pagehide", disconnect);
  connect();
}
