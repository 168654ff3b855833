// Draws a view: the photo, its fills, what is marked, and the cursor.
//
// Layers are redrawn only when they change, since scaling a large photo is slow without a
// graphics card.

const TINT = "rgba(255, 46, 120, 0.46)";
const CHEQUER = 8; // pixels of the screen
const EDGE = "rgba(255, 255, 255, 0.92)";

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

export class Painter {
  stale = { base: true, mask: true };

  #base = layer();
  #mask = layer();
  #edge = layer();
  #lens = layer();

  constructor(view) {
    this.view = view;
    this.context = view.canvas.getContext("2d");
  }

  // All layers lie elsewhere now.
  outdate() { this.stale.base = this.stale.mask = true; }

  // To the canvas's size on the screen.
  resize() {
    const density = Math.min(window.devicePixelRatio || 1, 3);
    const [width, height] = this.view.size;
    for (const { canvas } of [this.context, this.#base, this.#mask, this.#edge, this.#lens]) {
      canvas.width = Math.max(1, Math.round(width * density));
      canvas.height = Math.max(1, Math.round(height * density));
    }
    this.density = density;
    this.outdate();
  }

  // Let a context draw in photo coordinates, or in those of the view.
  #enter(context, ofView = false) {
    const { scale, x, y } = this.view.camera;
    const d = this.density;
    const [rx, ry] = ofView ? this.view.ratio : [1, 1];
    context.setTransform((scale * d) / rx, 0, 0, (scale * d) / ry, x * d, y * d);
    context.imageSmoothingEnabled = scale < 3;
    context.imageSmoothingQuality = this.view.quick ? "low" : "high";
  }

  #wipe(context) {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalCompositeOperation = "source-over";
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  }

  paint() {
    const { context, view } = this;
    this.#wipe(context);
    if (!view.photo || !this.density) return;
    if (this.stale.base) this.#paintBase();
    if (this.stale.mask) this.#paintMask();
    context.drawImage(this.#base.canvas, 0, 0);
    if (view.peek) return;
    this.#paintPatches();
    const any = view.shapes.length || view.active;
    if (view.live) {
      this.#paintLive();
      // A blended fill is to be looked at; a picture of the search needs its outline.
      context.globalAlpha = view.live.blended ? 0.15 : 0.55;
      context.drawImage(this.#edge.canvas, 0, 0);
      context.globalAlpha = 1;
    } else if (any && view.split === null) {
      this.#paintTint();
    }
    if (view.active?.kind === "box") this.#paintBox(view.active);
    if (view.active?.kind === "spot") this.#paintSpot(view.active);
    if (view.cross) this.#paintCross(view.cross);
    else if (view.cursor) this.#paintCursor(view.cursor);
  }

  #paintBase() {
    const context = this.#base;
    this.#wipe(context);
    this.#enter(context, true);
    const { bitmap } = this.view.photo;
    if (this.view.photo.alpha) this.#paintChequers(context, bitmap);
    context.drawImage(bitmap, 0, 0);
    this.stale.base = false;
  }

  // Under what is transparent: squares that keep their size on the screen, as everywhere.
  #paintChequers(context, { width, height }) {
    const tile = layer();
    tile.canvas.width = tile.canvas.height = 2 * CHEQUER;
    tile.fillStyle = "#fff";
    tile.fillRect(0, 0, 2 * CHEQUER, 2 * CHEQUER);
    tile.fillStyle = "#cfcfd6";
    tile.fillRect(0, 0, CHEQUER, CHEQUER);
    tile.fillRect(CHEQUER, CHEQUER, CHEQUER, CHEQUER);
    const pattern = context.createPattern(tile.canvas, "repeat");
    pattern.setTransform(context.getTransform().inverse().scale(this.density));
    context.fillStyle = pattern;
    context.fillRect(0, 0, width, height);
  }

  #paintPatches() {
    const { context, view: { photo, patches, split } } = this;
    context.save();
    this.#enter(context, true);
    if (split !== null) {
      const { width, height } = photo.bitmap;
      context.beginPath();
      context.rect(width * split, 0, width * (1 - split), height);
      context.clip();
    }
    for (const { bitmap, x, y } of patches) context.drawImage(bitmap, x, y);
    context.restore();
  }

  #paintMask() {
    const context = this.#mask;
    this.#wipe(context);
    context.lineCap = context.lineJoin = "round";
    const { active, shapes } = this.view;
    for (const shape of active?.kind === "stroke" ? [...shapes, active] : shapes) {
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
    this.stale.mask = false;
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
    const { image, box } = this.view.live;
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
    context.rect(0, 0, this.view.photo.width, this.view.photo.height);
    context.clip();
  }

  #paintBox({ box: [x, y, w, h], waiting }) {
    const { context } = this;
    context.save();
    this.#clipToPhoto(context);
    context.fillStyle = "rgba(255, 46, 120, 0.16)";
    context.fillRect(x, y, w, h);
    context.lineWidth = 2 / this.view.camera.scale;
    context.setLineDash(waiting ? [6 / this.view.camera.scale, 5 / this.view.camera.scale] : []);
    context.strokeStyle = "rgb(255, 46, 120)";
    context.strokeRect(x, y, w, h);
    context.restore();
  }

  // A click that waits for its object.
  #paintSpot({ box: [x, y] }) {
    const { context } = this;
    const px = 1 / this.view.camera.scale;
    this.#enter(context);
    for (const [radius, width, colour] of [[11, 4, "rgba(0, 0, 0, 0.45)"], [11, 2, "rgb(255, 46, 120)"], [2.5, 5, "#fff"]]) {
      context.beginPath();
      context.arc(x, y, radius * px, 0, 2 * Math.PI);
      context.lineWidth = width * px;
      context.strokeStyle = colour;
      context.stroke();
    }
  }

  // Where the keyboard points: four lines that leave the middle free, and the brush.
  #paintCross([x, y]) {
    const { context, view: { camera, cursor } } = this;
    if (cursor) this.#paintCursor({ ...cursor, x, y });
    this.#enter(context);
    const px = 1 / camera.scale;
    for (const [width, colour] of [[4, "rgba(0, 0, 0, 0.6)"], [2, "#fff"]]) {
      context.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + dx * 5 * px, y + dy * 5 * px);
        context.lineTo(x + dx * 18 * px, y + dy * 18 * px);
      }
      context.lineWidth = width * px;
      context.strokeStyle = colour;
      context.stroke();
    }
  }

  #paintCursor({ x, y, size, erase }) {
    const { context } = this;
    this.#enter(context);
    const px = 1 / this.view.camera.scale;
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
