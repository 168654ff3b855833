// Where the photo has room: beside and above the bars, as far as they are there.

const $ = (id) => document.getElementById(id);
const GAP = 12; // between the photo and what is around it
const BARS = ["tools", "tray"];

// Keep the view's insets, and the tray's fold, up to date.
export function layout(view) {
  const stage = $("stage");

  function measure() {
    const whole = stage.getBoundingClientRect();
    const room = { top: GAP, right: GAP, bottom: GAP, left: GAP };
    for (const id of BARS) {
      const bar = $(id).getBoundingClientRect();
      if (!bar.width || !bar.height) continue;
      // A bar lies along the side that it is nearest to with its length.
      const [from, to, start, length] = bar.width > bar.height
        ? ["top", "bottom", bar.top - whole.top, whole.height]
        : ["left", "right", bar.left - whole.left, whole.width];
      const size = bar.width > bar.height ? bar.height : bar.width;
      if (start + size / 2 < length / 2) room[from] = Math.max(room[from], start + size + GAP);
      else room[to] = Math.max(room[to], length - start + GAP);
    }
    view.setInsets(room);
  }

  // Also when a bar appears or grows.
  const watch = new ResizeObserver(measure);
  watch.observe(stage);
  for (const id of BARS) watch.observe($(id));

  $("fold").onclick = () => {
    const folded = document.body.toggleAttribute("data-folded");
    $("fold").setAttribute("aria-expanded", !folded);
    $("fold").setAttribute("aria-label", folded ? "Show the fills" : "Fold the fills away");
  };
  return measure;
}
