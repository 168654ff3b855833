// Before and after: with a line between them that can be moved, or the photo alone while one holds.

const $ = (id) => document.getElementById(id);
const HOLD = 280; // ms; a press that lasts longer shows the photo until it ends

export class Compare {
  #holding = 0;
  #held = false;

  constructor(view, able) {
    this.view = view;
    this.able = able; // () => whether there is anything to compare
    const knob = $("knob");
    knob.addEventListener("pointerdown", (event) => knob.setPointerCapture(event.pointerId));
    knob.addEventListener("pointermove", (event) => {
      if (knob.hasPointerCapture(event.pointerId)) this.#moveTo(view.toPhoto(view.toScreen(event))[0] / view.photo.width);
    });
    const button = $("compare");
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.#held = false;
      this.#holding = setTimeout(() => { this.#held = true; this.peek(true); }, HOLD);
    });
    for (const name of ["pointerup", "pointercancel", "pointerleave"]) {
      button.addEventListener(name, () => { clearTimeout(this.#holding); this.peek(false); });
    }
    button.addEventListener("contextmenu", (event) => event.preventDefault()); // of a long touch
    button.addEventListener("click", () => { if (!this.#held) this.toggle(); this.#held = false; });
  }

  get shown() { return this.view.split !== null; }

  toggle() {
    if (this.shown) this.hide();
    else if (this.able()) this.#show(0.5);
  }

  hide() { if (this.shown) this.#show(null); }

  // The photo without its fills and marks, while held.
  peek(on) {
    if (this.view.peek === on || (on && !this.able())) return;
    this.view.peek = on;
    $("tag-before").hidden = !(on || this.shown);
    this.place();
    this.view.draw();
  }

  nudge(step) {
    if (!this.shown) return false;
    this.#moveTo(this.view.split + step);
    return true;
  }

  // Keep the line on the photo when that moves.
  place() {
    if (!this.shown && !this.view.peek) return;
    const { camera: { x, y, scale }, photo, split } = this.view;
    const [width, height] = this.view.size;
    const [left, top] = [Math.max(x, 0), Math.max(y, 0)];
    const right = Math.min(x + photo.width * scale, width);
    const bottom = Math.min(y + photo.height * scale, height);
    Object.assign($("knob").style, {
      left: `${x + (split ?? 0) * photo.width * scale}px`,
      top: `${top}px`,
      height: `${Math.max(bottom - top, 0)}px`,
    });
    for (const id of ["tag-before", "tag-after"]) $(id).style.top = `${top + 10}px`;
    $("tag-before").style.left = `${left + 10}px`;
    $("tag-after").style.right = `${width - right + 10}px`;
  }

  #moveTo(split) { this.#show(Math.min(Math.max(split, 0), 1)); }

  #show(split) {
    this.view.split = split;
    for (const id of ["knob", "tag-before", "tag-after"]) $(id).hidden = split === null;
    $("compare").setAttribute("aria-pressed", split !== null);
    if (split !== null) {
      const percent = Math.round(split * 100);
      $("knob").setAttribute("aria-valuenow", percent);
      $("knob").setAttribute("aria-valuetext", `${percent} % before, ${100 - percent} % after`);
    }
    this.place();
    this.view.draw();
  }
}
