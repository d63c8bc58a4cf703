// The live picture by WebRTC, sooner there than as MJPEG: one connection for
// the page, as long as a picture is wanted. Whatever fails, MJPEG goes on.
import {byId, make, setText} from "./dom.js";
import {changed, model} from "./model.js";

const CONNECT_MS = 8000;   // to the first picture, more when that was too few
const SILENCE_MS = 12000;  // the server repeats its picture more often
const IDLE_MS = 30000;     // nobody wanted it for so long
const AGAIN_MS = [5000, 20000, 60000];

const label = byId("transport");
const video = make("video", {class: "stream", muted: "", playsinline: "",
                             autoplay: ""});
video.muted = true;  // as the attribute says, for elements that a script makes

let link = null;      // {peer, abort, shows, decoded, heard}
let failures = 0;
let notBefore = 0;
let wantedAt = -IDLE_MS;

function isChosen() {
  return localStorage.getItem("transport") !== "mjpeg";
}

function isOffered() {
  return Boolean(model.status?.webrtc?.offered && window.RTCPeerConnection);
}

function close() {
  link?.abort.abort();
  link?.peer.close();
  link = null;
  video.srcObject = null;
}

function fail(failed) {
  if (failed !== link) return;
  close();
  notBefore = performance.now() +
      AGAIN_MS[Math.min(failures++, AGAIN_MS.length - 1)];
  changed();
}

// Calls `onLine` with each line of JSON until the reply ends.
async function readLines(reply, onLine) {
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return;
    const lines = (text + value).split("\n");
    text = lines.pop();
    for (const line of lines) if (line) await onLine(JSON.parse(line));
  }
}

async function answer(connection, offer) {
  const {peer} = connection;
  if (offer.stun) peer.setConfiguration({iceServers: [{urls: offer.stun}]});
  peer.ontrack = ({track, receiver}) => {
    receiver.jitterBufferTarget = 0;  // each picture at once
    video.srcObject = new MediaStream([track]);
    video.play().catch(() => {});
  };
  await peer.setRemoteDescription({type: "offer", sdp: offer.sdp});
  await peer.setLocalDescription();
  if (offer.stun) await gathered(peer);
  const reply = await fetch(`webrtc/${offer.id}`, {
    method: "POST", signal: connection.abort.signal,
    body: JSON.stringify({sdp: peer.localDescription.sdp})});
  if (!reply.ok) throw new Error("the answer was refused");
}

// All addresses are known, or most after a second.
function gathered(peer) {
  return Promise.race([
    new Promise((done) => setTimeout(done, 1000)),
    new Promise((done) => {
      peer.onicegatheringstatechange = () =>
          peer.iceGatheringState === "complete" && done();
    })]);
}

async function connect() {
  const connection = {peer: new RTCPeerConnection(), shows: false, decoded: 0,
                      abort: new AbortController(), heard: performance.now()};
  link = connection;
  connection.peer.onconnectionstatechange = () => {
    if (connection.peer.connectionState === "failed") fail(connection);
  };
  setTimeout(() => connection.shows || fail(connection),
      CONNECT_MS * (1 + Math.min(failures, 5)));
  try {
    const reply = await fetch("webrtc", {method: "POST",
                                         signal: connection.abort.signal});
    if (!reply.ok) return fail(connection);
    await readLines(reply, (said) => {
      if (said.end) fail(connection);
      else if (said.sdp && link === connection) return answer(connection, said);
    });
    fail(connection);
  } catch {
    fail(connection);
  }
}

video.onloadeddata = () => {
  if (!link) return;
  link.shows = true;
  failures = 0;
  changed();
};

// A connection that gives no pictures, or that nobody wants.
async function watch() {
  const now = performance.now();
  if (!link) return;
  if (now - wantedAt > IDLE_MS || !isChosen()) return close();
  const connection = link;
  for (const said of (await connection.peer.getStats()).values()) {
    if (said.type !== "inbound-rtp") continue;
    if (said.framesDecoded > connection.decoded) connection.heard = now;
    connection.decoded = said.framesDecoded;
  }
  if (connection.shows && now - connection.heard > SILENCE_MS) fail(connection);
}

// The element that shows the server's newest picture, whichever generation that
// is of; null: not now, or not yet.
export function liveVideo() {
  wantedAt = performance.now();
  if (!isOffered() || !isChosen()) return null;
  if (!link && wantedAt >= notBefore) connect();
  return link?.shows ? video : null;
}

// Says which of the two is used, `streams` while one is.
export function drawTransport(streams) {
  label.hidden = !streams || !isOffered();
  setText(label, link?.shows && isChosen() ? "WebRTC" : "MJPEG");
  label.title = isChosen()
      ? "How the live picture comes: WebRTC where it connects. Press for MJPEG alone"
      : "How the live picture comes: MJPEG. Press for WebRTC, which is faster";
}

label.onclick = () => {
  localStorage.setItem("transport", isChosen() ? "mjpeg" : "webrtc");
  failures = notBefore = 0;
  if (!isChosen()) close();
  changed();
};
setInterval(watch, 1000);
document.addEventListener("visibilitychange", () => document.hidden && close());
addEventListener("pagehide", close);
