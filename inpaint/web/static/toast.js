// A message at the bottom of the page, for a while.

const SHOWN = 9000; // ms
const $ = (id) => document.getElementById(id);

let fading = 0;

export function toast(text) {
  $("toast-text").textContent = text[0].toUpperCase() + text.slice(1);
  $("toast").hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => { $("toast").hidden = true; }, SHOWN);
}

$("toast-close").onclick = () => { $("toast").hidden = true; };
