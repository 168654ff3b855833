// Before and after, with a line between them that can be moved.

const $ = (id) => document.getElementById(id);

export class Compare {
  constructor(view) {
    this.view = view;
    const knob = $("knob");
    knob.addEventListener("pointerdown", (event) => knob.setPointerCapture(event.pointerId));
    knob.addEventListener("pointermove", (event) => {
      if (knob.hasPointerCapture(event.pointerId)) this.#moveTo(view.toPhoto(view.toScreen(event))[0] / view.photo.width);
    });
  }

  get shown() { return this.view.split !== null; }

  toggle() {
    if (this.shown) this.hide();
    else this.#show(0.5);
  }

  hide() { if (this.shown) this.#show(null); }

  nudge(step) {
    if (!this.shown) return false;
    this.#moveTo(this.view.split + step);
    return true;
  }

  // Keep the line on the photo when that moves.
  place() {
    if (!this.shown) return;
    const { camera: { x, y, scale }, photo, split } = this.view;
    const [width, height] = this.view.size;
    const [left, top] = [Math.max(x, 0), Math.max(y, 0)];
    const right = Math.min(x + photo.width * scale, width);
    const bottom = Math.min(y + photo.height * scale, height);
    Object.assign($("knob").style, {
      left: `${x + split * photo.width * scale}px`,
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
    if (split !== null) $("knob").setAttribute("aria-valuenow", Math.round(split * 100));
    this.place();
    this.view.draw();
  }
}
