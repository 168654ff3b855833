// Marking with the keyboard: arrow keys move a crosshair over the photo. Space paints while it is
// held, or sets the two corners of a box; both on one spot ask for the object there.

import { say } from "./say.js";

const STEP = 12; // pixels of the screen; with Shift one
const EDGE = 30; // pixels of the screen: nearer to the border, the photo moves
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Crosshair {
  #corner = false; // the first corner of a box is set

  constructor(view, tools, compare) {
    Object.assign(this, { view, tools, compare });
    view.canvas.addEventListener("keydown", (event) => this.#down(event));
    view.canvas.addEventListener("keyup", (event) => this.#up(event));
    view.canvas.addEventListener("blur", () => {
      delete view.canvas.dataset.pointer;
      this.hide();
    });
  }

  get shown() { return Boolean(this.view.cross); }

  // Leave the crosshair, and what it has begun.
  hide() {
    if (!this.shown) return false;
    this.#corner = false;
    this.tools.cancel();
    this.view.cross = this.view.cursor = null;
    this.view.draw();
    return true;
  }

  #down(event) {
    const { view, tools, compare } = this;
    if (!view.photo || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow && !compare.shown) {
      delete view.canvas.dataset.pointer;
      const step = event.shiftKey ? 1 : STEP;
      if (tools.tool === "hand" || tools.locked) view.pan(-arrow[0] * 4 * step, -arrow[1] * 4 * step);
      else this.#move(arrow.map((v) => v * step));
    } else if (event.key === " " && this.shown && !tools.locked) {
      if (!event.repeat) this.#press();
    } else return;
    event.preventDefault();
    event.stopPropagation(); // no shortcut of the page
  }

  #up(event) {
    if (event.key !== " " || !this.shown || !this.tools.paints || !this.tools.drawing) return;
    this.tools.finish(this.view.cross);
    say("Marked. Press Enter to fill.");
  }

  #press() {
    const { tools, view } = this;
    const [x, y] = view.cross.map(Math.round);
    if (tools.paints) {
      tools.begin(view.cross);
      say(`${tools.tool === "brush" ? "Painting" : "Erasing"} from ${x}, ${y} while Space is held`);
    } else if (this.#corner) {
      this.#corner = false;
      tools.finish(view.cross);
    } else {
      this.#corner = true;
      tools.begin(view.cross);
      say(`First corner at ${x}, ${y}; press Space at the second one`);
    }
  }

  #move([dx, dy]) {
    const { view, tools } = this;
    const [width, height] = view.size;
    const { scale } = view.camera;
    const from = view.cross ?? view.toPhoto(this.#middle());
    const inside = (v, most) => Math.min(Math.max(v, 0), most - 1e-3);
    view.cross = this.shown
      ? [inside(from[0] + dx / scale, view.photo.width), inside(from[1] + dy / scale, view.photo.height)]
      : from;
    view.cursor = tools.paints ? { size: tools.size, erase: tools.tool === "eraser" } : null;
    if (tools.drawing) tools.extend(view.cross);
    const [x, y] = view.toCanvas(view.cross);
    const out = (v, most) => Math.min(0, v - EDGE) + Math.max(0, v - most + EDGE);
    const [ox, oy] = [out(x, width), out(y, height)];
    if ((ox || oy) && view.fitted === false) view.pan(-ox, -oy);
    view.draw();
  }

  // The middle of what of the photo is in sight.
  #middle() {
    const { view } = this;
    const [width, height] = view.size;
    const [left, top] = view.toCanvas([0, 0]);
    const [right, bottom] = view.toCanvas([view.photo.width, view.photo.height]);
    return [(Math.max(left, 0) + Math.min(right, width)) / 2, (Math.max(top, 0) + Math.min(bottom, height)) / 2];
  }
}
