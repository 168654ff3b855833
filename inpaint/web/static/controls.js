// Buttons of the tools, the size and the zoom.

import { choose as mark, roving } from "./roving.js";

const $ = (id) => document.getElementById(id);
const OVER = ".panel, dialog, [popover], .empty, .toast"; // what lies over the page

// ``cursor()`` brings the pointer's look up to date, ``moved()`` what lies on the photo.
export function controls({ view, tools, cursor, moved }) {
  const buttons = [...document.querySelectorAll("[data-tool]")];
  roving($("tool-group"));
  for (const button of buttons) button.onclick = () => tools.setTool(button.dataset.tool);
  tools.addEventListener("tool", () => {
    mark($("tool-group"), buttons.find((button) => button.dataset.tool === tools.tool));
    $("size-row").hidden = $("size-open").hidden = !tools.paints;
    $("snap-row").hidden = tools.tool !== "box";
    cursor();
  });
  tools.addEventListener("size", () => {
    $("size").value = tools.stepOf(tools.size);
    $("size").setAttribute("aria-valuetext", `${tools.size} pixels of the photo`);
    $("size-shown").textContent = `${tools.size} px`;
    $("size-open-shown").textContent = tools.size;
    $("size-open").setAttribute("aria-label", `Brush size ${tools.size}`);
  });
  $("size").oninput = () => tools.setSize(tools.sizeAt(Number($("size").value)));

  function zoom(factor) {
    const [width, height] = view.size;
    view.zoomAt(width / 2, height / 2, factor);
  }
  $("zoom-in").onclick = () => zoom(1.5);
  $("zoom-out").onclick = () => zoom(1 / 1.5);
  $("zoom-fit").onclick = () => view.fit(view.fitted ? 1 : undefined);
  view.addEventListener("camera", () => {
    const percent = view.camera.scale * 100;
    const text = `${percent < 10 ? percent.toFixed(1) : percent.toFixed(0)} %`;
    $("zoom-fit").textContent = text;
    $("zoom-fit").setAttribute("aria-label", `Zoom ${text}: fit, or actual pixels`);
    moved();
  });

  // A button that was clicked, and not pressed by a key, leaves the keys to the photo: Space moves
  // it and does not press the button again.
  addEventListener("click", (event) => {
    const button = event.target.closest?.("button");
    if (!button || event.detail === 0 || button.closest(OVER) || button.matches("[aria-expanded]")) return;
    if (document.activeElement === button) $("canvas").focus({ preventScroll: true });
  });
  return { zoom };
}
