// The photo on the screen: where it lies, and what is to be drawn over it.
//
// Coordinates: "photo" is pixels of the photo at full resolution, "screen" CSS pixels of the
// stage. The camera maps the one onto the other. How it is drawn is in paint.js.

import { Painter } from "./paint.js";

const MOST_ZOOM = 32;

export class View extends EventTarget {
  photo = null; // { width, height, bitmap }
  camera = { scale: 1, x: 0, y: 0 };
  shapes = []; // drawn or being filled
  active = null; // the shape under the pointer
  patches = []; // [{ place in the view, bitmap }, ...] from the bottom up
  live = null; // { image, box } of the fill at work
  cursor = null; // { x, y, size, erase } in photo coordinates
  split = null; // share of the photo's width that shows the state before
  peek = false; // the photo alone is shown, without fills and marks
  cross = null; // [x, y] in photo coordinates: where the keyboard points
  insets = { top: 16, right: 16, bottom: 16, left: 16 };

  #painter;
  #due = false;
  #settling = 0;

  constructor(canvas) {
    super();
    this.canvas = canvas;
    this.#painter = new Painter(this);
    new ResizeObserver(() => this.#resize()).observe(canvas);
  }

  open(photo) {
    this.photo = photo;
    this.patches = [];
    this.live = this.active = this.split = this.cross = null;
    this.peek = false;
    this.fit();
  }

  // Where the photo and its view meet: view pixels to a photo pixel.
  get ratio() { return [this.photo.bitmap.width / this.photo.width, this.photo.bitmap.height / this.photo.height]; }

  get size() { return [this.canvas.clientWidth, this.canvas.clientHeight]; }

  get fitting() {
    const [width, height] = this.size;
    const { top, right, bottom, left } = this.insets;
    const room = [Math.max(width - left - right, 40), Math.max(height - top - bottom, 40)];
    return Math.min(room[0] / this.photo.width, room[1] / this.photo.height, 8);
  }

  fit(scale = this.fitting) {
    if (!this.photo) return;
    const [width, height] = this.size;
    const { top, right, bottom, left } = this.insets;
    this.fitted = scale === this.fitting;
    this.camera = {
      scale,
      x: left + (width - left - right - this.photo.width * scale) / 2,
      y: top + (height - top - bottom - this.photo.height * scale) / 2,
    };
    this.#moved();
  }

  zoomAt(x, y, factor) {
    if (!this.photo) return;
    const { camera } = this;
    const least = Math.min(this.fitting, 1) / 4;
    const scale = Math.min(Math.max(camera.scale * factor, least), MOST_ZOOM);
    const real = scale / camera.scale;
    this.camera = { scale, x: x - (x - camera.x) * real, y: y - (y - camera.y) * real };
    this.fitted = false;
    this.#moved();
  }

  pan(dx, dy) {
    const { scale, x, y } = this.camera;
    const [width, height] = this.size;
    const keep = 60; // so much of the photo stays in sight
    this.camera = {
      scale,
      x: Math.min(Math.max(x + dx, keep - this.photo.width * scale), width - keep),
      y: Math.min(Math.max(y + dy, keep - this.photo.height * scale), height - keep),
    };
    this.fitted = false;
    this.#moved();
  }

  toScreen(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  toPhoto([x, y]) {
    const { scale, x: left, y: top } = this.camera;
    return [(x - left) / scale, (y - top) / scale];
  }

  toCanvas([x, y]) {
    const { scale, x: left, y: top } = this.camera;
    return [left + x * scale, top + y * scale];
  }

  // Room for the photo has changed: fit it again if it was fitted.
  setInsets(insets) {
    if (JSON.stringify(insets) === JSON.stringify(this.insets)) return;
    this.insets = insets;
    if (this.photo && this.fitted !== false) this.fit();
  }

  maskChanged() { this.#painter.stale.mask = true; this.draw(); }

  draw() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => { this.#due = false; this.#painter.paint(); });
  }

  // The surroundings of a place in the view, with patches laid over them, as a small picture.
  thumbnail(canvas, place, patches) {
    const context = canvas.getContext("2d");
    const { bitmap } = this.photo;
    const side = Math.min(Math.max(place.w, place.h) * 1.5 + 8, Math.max(bitmap.width, bitmap.height));
    const clamp = (start, length) => Math.max(Math.min(start, length - side), Math.min(0, (length - side) / 2));
    const x = clamp(place.x + place.w / 2 - side / 2, bitmap.width);
    const y = clamp(place.y + place.h / 2 - side / 2, bitmap.height);
    const scale = canvas.width / side;
    context.setTransform(scale, 0, 0, scale, -x * scale, -y * scale);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0);
    for (const patch of patches) context.drawImage(patch.bitmap, patch.x, patch.y);
    context.setTransform(1, 0, 0, 1, 0, 0);
  }

  #moved() {
    this.#painter.outdate();
    this.draw();
    // Fast while it moves, fine when it rests.
    clearTimeout(this.#settling);
    this.quick = true;
    this.#settling = setTimeout(() => { this.quick = false; this.#painter.stale.base = true; this.draw(); }, 140);
    this.dispatchEvent(new Event("camera"));
  }

  #resize() {
    this.#painter.resize();
    if (this.photo && this.fitted !== false) this.fit();
    else this.draw();
    this.dispatchEvent(new Event("camera"));
  }
}
