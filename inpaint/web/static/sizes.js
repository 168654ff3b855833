// Smaller and larger: two buttons under the object that a click has found.

const $ = (id) => document.getElementById(id);
const GAP = 10; // between the object and the buttons

// ``found()`` is the object, or null; ``resize(step)`` takes another one. Returns what brings the
// buttons up to date.
export function sizes({ view, found, resize }) {
  $("size-smaller").onclick = () => resize(-1);
  $("size-larger").onclick = () => resize(1);

  function place() {
    const object = found();
    const bar = $("sizes");
    const hidden = !object || !(object.seek.smaller || object.seek.larger);
    if (hidden && bar.contains(document.activeElement)) $("canvas").focus({ preventScroll: true });
    bar.hidden = hidden;
    if (hidden) return;
    // A button that can do no more stays, so that the focus does.
    $("size-smaller").setAttribute("aria-disabled", !object.seek.smaller);
    $("size-larger").setAttribute("aria-disabled", !object.seek.larger);
    const { x, y, w, h } = object.place;
    const { ratio: [rx, ry], insets, size: [width, height] } = view;
    const [middle, end] = view.toCanvas([(x + w / 2) / rx, (y + h) / ry]);
    const within = (v, least, most) => Math.max(Math.min(v, most), least);
    bar.style.left = `${within(middle - bar.offsetWidth / 2, insets.left, width - insets.right - bar.offsetWidth)}px`;
    bar.style.top = `${within(end + GAP, insets.top, height - insets.bottom - bar.offsetHeight)}px`;
  }

  view.addEventListener("camera", place);
  return place;
}
