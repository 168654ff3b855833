// The photo on the screen: where it lies, and everything that is drawn over it.
//
// Coordinates: "photo" is pixels of the photo at full resolution, "screen" CSS pixels of the
// stage. The camera maps the one onto the other. Layers are redrawn only when they change, since
// scaling a large photo is slow without a graphics card.

const TINT = "rgba(255, 46, 120, 0.46)";
const EDGE = "rgba(255, 255, 255, 0.92)";
const MOST_ZOOM = 32;

function layer() {
  return document.createElement("canvas").getContext("2d");
}

// A shape's path in photo coordinates, made once.
function pathOf(shape) {
  if (!shape.path) {
    shape.path = new Path2D();
    const [[x, y], ...rest] = shape.points;
    shape.path.moveTo(x, y);
    if (!rest.length) shape.path.lineTo(x + 0.01, y);
    for (const [px, py] of rest) shape.path.lineTo(px, py);
  }
  return shape.path;
}

export class View extends EventTarget {
  photo = null; // { width, height, bitmap }
  camera = { scale: 1, x: 0, y: 0 };
  shapes = []; // drawn or being filled
  active = null; // the shape under the pointer
  patches = []; // [{ place in the view, bitmap }, ...] from the bottom up
  live = null; // { image, box } of the fill at work
  cursor = null; // { x, y, size, erase } in photo coordinates
  split = null; // share of the photo's width that shows the state before
  insets = { top: 16, right: 16, bottom: 16, left: 16 };

  #base = layer();
  #mask = layer();
  #edge = layer();
  #lens = layer();
  #stale = { base: true, mask: true };
  #due = false;
  #settling = 0;

  constructor(canvas) {
    super();
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    new ResizeObserver(() => this.#resize()).observe(canvas);
  }

  open(photo) {
    this.photo = photo;
    this.patches = [];
    this.live = this.active = this.split = null;
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

  maskChanged() { this.#stale.mask = true; this.draw(); }

  draw() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => { this.#due = false; this.#paint(); });
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
    this.#stale.base = this.#stale.mask = true;
    this.draw();
    // Fast while it moves, fine when it rests.
    clearTimeout(this.#settling);
    this.quick = true;
    this.#settling = setTimeout(() => { this.quick = false; this.#stale.base = true; this.draw(); }, 140);
    this.dispatchEvent(new Event("camera"));
  }

  #resize() {
    const density = Math.min(window.devicePixelRatio || 1, 3);
    const [width, height] = this.size;
    for (const { canvas } of [this.context, this.#base, this.#mask, this.#edge, this.#lens]) {
      canvas.width = Math.max(1, Math.round(width * density));
      canvas.height = Math.max(1, Math.round(height * density));
    }
    this.density = density;
    this.#stale.base = this.#stale.mask = true;
    if (this.photo && this.fitted !== false) this.fit();
    else this.draw();
    this.dispatchEvent(new Event("camera"));
  }

  // Let a context draw in photo coordinates, or in those of the view.
  #enter(context, ofView = false) {
    const { scale, x, y } = this.camera;
    const d = this.density;
    const [rx, ry] = ofView ? this.ratio : [1, 1];
    context.setTransform((scale * d) / rx, 0, 0, (scale * d) / ry, x * d, y * d);
    context.imageSmoothingEnabled = scale < 3;
    context.imageSmoothingQuality = this.quick ? "low" : "high";
  }

  #wipe(context) {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalCompositeOperation = "source-over";
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  }

  #paint() {
    const { context, photo } = this;
    this.#wipe(context);
    if (!photo || !this.density) return;
    if (this.#stale.base) this.#paintBase();
    if (this.#stale.mask) this.#paintMask();
    context.drawImage(this.#base.canvas, 0, 0);
    this.#paintPatches();
    const any = this.shapes.length || this.active;
    if (this.live) {
      this.#paintLive();
      context.globalAlpha = 0.55;
      context.drawImage(this.#edge.canvas, 0, 0);
      context.globalAlpha = 1;
    } else if (any && this.split === null) {
      this.#paintTint();
    }
    if (this.active?.kind === "box") this.#paintBox(this.active);
    if (this.cursor) this.#paintCursor();
  }

  #paintBase() {
    const context = this.#base;
    this.#wipe(context);
    this.#enter(context, true);
    const { bitmap } = this.photo;
    context.fillStyle = "#8a8a92"; // under what is transparent
    context.fillRect(0, 0, bitmap.width, bitmap.height);
    context.drawImage(bitmap, 0, 0);
    this.#stale.base = false;
  }

  #paintPatches() {
    const { context, split } = this;
    context.save();
    this.#enter(context, true);
    if (split !== null) {
      const { width, height } = this.photo.bitmap;
      context.beginPath();
      context.rect(width * split, 0, width * (1 - split), height);
      context.clip();
    }
    for (const { bitmap, x, y } of this.patches) context.drawImage(bitmap, x, y);
    context.restore();
  }

  #paintMask() {
    const context = this.#mask;
    this.#wipe(context);
    context.lineCap = context.lineJoin = "round";
    const shapes = this.active?.kind === "stroke" ? [...this.shapes, this.active] : this.shapes;
    for (const shape of shapes) {
      context.globalCompositeOperation = shape.erase ? "destination-out" : "source-over";
      this.#enter(context, shape.kind === "region");
      if (shape.kind === "stroke") {
        context.lineWidth = shape.size;
        context.stroke(pathOf(shape));
      } else if (shape.kind === "box") {
        context.fillRect(...shape.box);
      } else {
        context.drawImage(shape.image, shape.place.x, shape.place.y);
      }
    }
    // The edge: a ring of one pixel and a half around it all.
    const ring = this.#edge;
    this.#wipe(ring);
    const r = 1.5 * this.density;
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1], [0.7, 0.7], [-0.7, 0.7], [0.7, -0.7], [-0.7, -0.7]]) {
      ring.drawImage(context.canvas, dx * r, dy * r);
    }
    ring.globalCompositeOperation = "source-in";
    ring.fillStyle = EDGE;
    ring.fillRect(0, 0, ring.canvas.width, ring.canvas.height);
    ring.globalCompositeOperation = "destination-out";
    ring.drawImage(context.canvas, 0, 0);
    this.#stale.mask = false;
  }

  #paintTint() {
    const lens = this.#lens;
    this.#wipe(lens);
    lens.drawImage(this.#mask.canvas, 0, 0);
    lens.globalCompositeOperation = "source-in";
    lens.fillStyle = TINT;
    lens.fillRect(0, 0, lens.canvas.width, lens.canvas.height);
    const { context } = this;
    context.save();
    this.#clipToPhoto(context);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(lens.canvas, 0, 0);
    context.drawImage(this.#edge.canvas, 0, 0);
    context.restore();
  }

  #paintLive() {
    const { image, box } = this.live;
    if (!image) { this.#paintTint(); return; }
    const lens = this.#lens;
    this.#wipe(lens);
    lens.drawImage(this.#mask.canvas, 0, 0);
    lens.globalCompositeOperation = "source-in";
    lens.save();
    this.#enter(lens);
    lens.imageSmoothingEnabled = true;
    lens.drawImage(image, ...box);
    lens.restore();
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.drawImage(lens.canvas, 0, 0);
  }

  #clipToPhoto(context) {
    this.#enter(context);
    context.beginPath();
    context.rect(0, 0, this.photo.width, this.photo.height);
    context.clip();
  }

  #paintBox({ box: [x, y, w, h], waiting }) {
    const { context } = this;
    context.save();
    this.#clipToPhoto(context);
    context.fillStyle = "rgba(255, 46, 120, 0.16)";
    context.fillRect(x, y, w, h);
    context.lineWidth = 2 / this.camera.scale;
    context.setLineDash(waiting ? [6 / this.camera.scale, 5 / this.camera.scale] : []);
    context.strokeStyle = "rgb(255, 46, 120)";
    context.strokeRect(x, y, w, h);
    context.restore();
  }

  #paintCursor() {
    const { context } = this;
    const { x, y, size, erase } = this.cursor;
    this.#enter(context);
    const px = 1 / this.camera.scale;
    context.beginPath();
    context.arc(x, y, Math.max(size / 2, px), 0, 2 * Math.PI);
    context.lineWidth = 3 * px;
    context.strokeStyle = "rgba(0, 0, 0, 0.45)";
    context.stroke();
    context.lineWidth = 1.5 * px;
    context.setLineDash(erase ? [4 * px, 3 * px] : []);
    context.strokeStyle = "#fff";
    context.stroke();
    context.setLineDash([]);
  }
}
