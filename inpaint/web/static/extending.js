// The dialog that asks for a larger canvas.

const $ = (id) => document.getElementById(id);
const SIDES = ["left", "top", "right", "bottom"];
const SHARE = 0.125; // of the photo's side: what is suggested for each

// ``size()`` tells the photo's width and height; ``extend(margins)`` does it.
export function extending({ size, extend }) {
  const fields = SIDES.map((side) => $(`extend-${side}`));
  $("extend-open").onclick = () => {
    const [width, height] = size();
    fields.forEach((field, k) => { field.value = Math.round((k % 2 ? height : width) * SHARE); });
    $("extend").showModal();
    fields[0].select();
  };
  for (const id of ["extend-cancel", "extend-close"]) $(id).onclick = () => $("extend").close();
  // A dialog's form is sent only when the browser finds all numbers in range.
  $("extend").querySelector("form").addEventListener("submit", () => {
    const margins = fields.map((field) => Number(field.value));
    if (margins.some((margin) => margin > 0)) extend(margins);
  });
}
