// Small tools: elements, and numbers as people read them.

export const byId = (id) => document.getElementById(id);

// make("a", {href: "x", class: "y", onclick: f}, "text", child...)
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element[key] = value;
    else if (value !== null && value !== false) {
      element.setAttribute(key, value === true ? "" : value);
    }
  }
  element.append(...children);
  return element;
}

// Only what differs is written: writing what is there costs a layout.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setSource(image, url) {
  if (image.getAttribute("src") === url) return;
  if (url) image.src = url;
  else image.removeAttribute("src");
}

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  const two = (n) => String(n).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}`
               : `${minutes}:${two(whole % 60)}`;
}

export function short(number, digits = 3) {
  if (number === null || number === undefined) return "–";
  if (number === 0) return "0";
  return Number(number.toPrecision(digits)).toString();
}

export function bytes(count) {
  const mib = count / 1048576;
  return mib < 10 ? `${mib.toFixed(1)} MiB` : `${Math.round(mib)} MiB`;
}
