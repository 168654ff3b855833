// A message at the top of the photo: until the next thing works, it is closed, or time is up.

const SHOWN = 12_000; // ms; one with something to press stays
const $ = (id) => document.getElementById(id);

let fading = 0;
let count = 0;

// How many messages there were so far: whether a piece of work has said something.
export const messages = () => count;

export function toast(text, action = null) {
  count += 1;
  $("toast-text").textContent = text[0].toUpperCase() + text.slice(1);
  $("toast-action").hidden = !action;
  $("toast-action").textContent = action?.label ?? "";
  $("toast-action").onclick = () => { hideToast(); action.run(); };
  $("toast").hidden = false;
  clearTimeout(fading);
  if (!action) fading = setTimeout(hideToast, SHOWN);
}

export function hideToast() { $("toast").hidden = true; }

$("toast-close").onclick = hideToast;
