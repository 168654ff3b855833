// Pointers and wheels: strokes, boxes, moving and zooming; mouse, pen and fingers.

const LEAST_BOX = 3; // photo pixels
const SPACING = 0.06; // of a stroke's size, between its points
const STEPS = 100; // of the slider
const REST = 250; // ms of a press that does not move
const STILL = 4; // pixels of the screen

export class Tools extends EventTarget {
  tool = "brush";
  size = 40; // photo pixels
  locked = false; // while a fill is at work only moving is possible
  held = false; // Space: move while it is down

  #fingers = new Map();
  #drag = null; // { kind: "draw" | "pan" | "pinch", ... }
  #last = null; // where the last stroke ended, for straight lines with Shift

  constructor(view) {
    super();
    this.view = view;
    const { canvas } = view;
    canvas.addEventListener("pointerdown", (e) => this.#down(e));
    canvas.addEventListener("pointermove", (e) => this.#move(e));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (e) => this.#up(e));
    canvas.addEventListener("pointerleave", () => this.#hideCursor());
    canvas.addEventListener("wheel", (e) => this.#wheel(e), { passive: false });
    canvas.addEventListener("contextmenu", (e) => e.preventDefault());
  }

  // Sizes grow by a constant factor along the slider, from a pixel to a third of the photo.
  get #range() {
    const { width, height } = this.view.photo;
    return [2, Math.max(Math.min(width, height) / 3, 8)];
  }

  sizeAt(step) {
    const [least, most] = this.#range;
    return Math.round(least * (most / least) ** (step / STEPS));
  }

  stepOf(size) {
    const [least, most] = this.#range;
    return Math.round((STEPS * Math.log(size / least)) / Math.log(most / least));
  }

  setSize(size) {
    const [least, most] = this.#range;
    this.size = Math.round(Math.min(Math.max(size, least), most));
    if (this.view.cursor) { this.view.cursor.size = this.size; this.view.draw(); }
    this.dispatchEvent(new Event("size"));
  }

  setTool(tool) {
    this.tool = tool;
    this.#hideCursor();
    this.dispatchEvent(new Event("tool"));
  }

  get drawing() { return this.#drag?.kind === "draw"; }

  cancel() {
    if (this.drawing) this.#drop();
  }

  get #moves() { return this.locked || this.held || this.tool === "hand"; }
  get paints() { return ["brush", "eraser"].includes(this.tool); }

  // Begin a stroke or a box at a point of the photo; ``extend`` and ``finish`` follow.
  begin(point, { erase = this.tool === "eraser", straight = false } = {}) {
    const { view } = this;
    if (this.tool === "box") {
      this.#drag = { kind: "draw", from: point };
      view.active = { kind: "box", box: [...point, 0, 0] };
    } else {
      this.#drag = { kind: "draw" };
      const from = straight && this.#last ? [this.#last] : [];
      view.active = { kind: "stroke", size: this.size, points: [...from, point], erase };
    }
    view.maskChanged();
  }

  extend(point) {
    const shape = this.view.active;
    if (shape.kind === "box") {
      const [x, y] = this.#drag.from;
      shape.box = [Math.min(x, point[0]), Math.min(y, point[1]), Math.abs(point[0] - x), Math.abs(point[1] - y)];
    } else {
      const [x, y] = shape.points.at(-1);
      if (Math.hypot(point[0] - x, point[1] - y) < Math.max(shape.size * SPACING, 0.7)) return;
      shape.points.push(point);
      shape.path = null;
    }
    this.view.maskChanged();
  }

  // End it: a "shape" event, or "point" for a box that is none, such as a click makes.
  finish(point) {
    const { view } = this;
    const shape = view.active;
    this.#drag = null;
    view.active = null;
    let detail = null;
    if (shape.kind === "stroke") {
      const [x, y] = shape.points.at(-1);
      if (point[0] !== x || point[1] !== y) { shape.points.push(point); shape.path = null; }
      this.#last = point;
      detail = this.#touching(shape);
    } else {
      detail = this.#trimmed(shape);
      if (!detail && this.#inside(point)) this.dispatchEvent(new CustomEvent("point", { detail: point }));
    }
    view.maskChanged();
    if (detail) this.dispatchEvent(new CustomEvent("shape", { detail }));
  }

  #down(event) {
    const { view } = this;
    if (!view.photo) return;
    view.cross = null;
    view.canvas.dataset.pointer = ""; // a ring around the photo is for those who came by keys
    view.canvas.focus({ preventScroll: true });
    view.canvas.setPointerCapture(event.pointerId);
    const at = view.toScreen(event);
    if (event.pointerType === "touch") {
      this.#fingers.set(event.pointerId, at);
      if (this.#fingers.size === 2) return this.#beginPinch();
      if (this.#fingers.size > 2) return;
    }
    if (event.altKey && this.paints && !this.#moves && event.button === 0) {
      this.#drag = { kind: "size", at, size: this.size };
      return;
    }
    const erases = event.button === 2 && this.paints; // the other end of the pencil
    if (event.button === 1 || (event.button === 2 && !erases) || this.#moves) {
      this.#beginPan(event, at);
      return;
    }
    const point = view.toPhoto(at);
    this.begin(point, { straight: event.shiftKey, ...(erases && { erase: true }) });
    this.#showCursor(event, at);
  }

  // With the tool for moving, a press that rests shows the photo before its fills.
  #beginPan(event, at) {
    const rests = this.tool === "hand" && event.button === 0;
    const resting = rests && setTimeout(() => this.#peek(true), REST);
    this.#drag = { kind: "pan", at, from: at, resting };
    this.view.canvas.classList.add("grabbing");
  }

  #peek(on) { this.dispatchEvent(new CustomEvent("peek", { detail: on })); }

  #move(event) {
    const { view } = this;
    if (!view.photo) return;
    const at = view.toScreen(event);
    if (this.#fingers.has(event.pointerId)) this.#fingers.set(event.pointerId, at);
    const drag = this.#drag;
    if (!drag) view.cross = null;
    this.#showCursor(event, at);
    if (drag?.kind === "pinch") return this.#pinch();
    if (drag?.kind === "pan") {
      if (Math.hypot(at[0] - drag.from[0], at[1] - drag.from[1]) > STILL) clearTimeout(drag.resting);
      view.pan(at[0] - drag.at[0], at[1] - drag.at[1]);
      drag.at = at;
    } else if (drag?.kind === "size") {
      this.setSize(drag.size * 1.012 ** (at[0] - drag.at[0]));
    } else if (drag?.kind === "draw") {
      const events = event.getCoalescedEvents?.() ?? [];
      for (const one of events.length ? events : [event]) this.extend(view.toPhoto(view.toScreen(one)));
    }
  }

  #up(event) {
    const { view } = this;
    this.#fingers.delete(event.pointerId);
    view.canvas.classList.remove("grabbing");
    const drag = this.#drag;
    if (drag?.kind === "pinch") {
      // The finger that stays does not draw.
      if (!this.#fingers.size) this.#drag = null;
      return;
    }
    if (drag?.kind === "pan") { clearTimeout(drag.resting); this.#peek(false); }
    if (event.type === "pointercancel") { this.#drop(); return; }
    if (drag?.kind !== "draw") { this.#drag = null; return; }
    this.finish(view.toPhoto(view.toScreen(event)));
    if (event.pointerType === "touch") this.#hideCursor();
  }

  #inside([x, y]) { return x >= 0 && y >= 0 && x < this.view.photo.width && y < this.view.photo.height; }

  // A box within the photo, or null for one that is none.
  #trimmed({ kind, box: [x, y, w, h] }) {
    const { width, height } = this.view.photo;
    const [left, top] = [Math.max(Math.round(x), 0), Math.max(Math.round(y), 0)];
    const [right, bottom] = [Math.min(Math.round(x + w), width), Math.min(Math.round(y + h), height)];
    if (right - left < LEAST_BOX || bottom - top < LEAST_BOX) return null;
    return { kind, box: [left, top, right - left, bottom - top] };
  }

  // A stroke that touches the photo somewhere, its points rounded to a sixteenth.
  #touching(shape) {
    const { width, height } = this.view.photo;
    const r = shape.size / 2;
    const touches = shape.points.some(([x, y]) => x > -r && y > -r && x < width + r && y < height + r);
    const round = (v) => Math.round(v * 16) / 16;
    return touches && { ...shape, path: null, points: shape.points.map((p) => p.map(round)) };
  }

  #drop() {
    if (this.#drag?.kind === "draw") this.view.cursor = null;
    this.#drag = null;
    this.view.active = null;
    this.view.maskChanged();
  }

  #beginPinch() {
    this.view.active = null;
    this.view.cursor = null;
    this.view.maskChanged();
    this.#drag = { kind: "pinch", ...this.#grip() };
  }

  #grip() {
    const [a, b] = [...this.#fingers.values()];
    return { middle: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], apart: Math.hypot(a[0] - b[0], a[1] - b[1]) };
  }

  #pinch() {
    if (this.#fingers.size < 2) return;
    const { middle, apart } = this.#drag;
    const now = this.#grip();
    this.view.pan(now.middle[0] - middle[0], now.middle[1] - middle[1]);
    this.view.zoomAt(...now.middle, now.apart / Math.max(apart, 1));
    Object.assign(this.#drag, now);
  }

  #wheel(event) {
    event.preventDefault();
    if (!this.view.photo) return;
    const unit = event.deltaMode === 1 ? 16 : 1; // lines or pixels
    if (event.altKey && this.paints) {
      this.setSize(this.size * Math.exp(-(event.deltaY || event.deltaX) * unit * 0.0015));
      return;
    }
    // Two fingers on a trackpad move sideways too; a wheel never does.
    const trackpad = !event.ctrlKey && event.deltaMode === 0 && (event.deltaX !== 0 || Math.abs(event.deltaY) < 30);
    if (trackpad || event.shiftKey) {
      this.view.pan(-event.deltaX * unit, -event.deltaY * unit);
      return;
    }
    const strength = event.ctrlKey && Math.abs(event.deltaY) < 30 ? 0.012 : 0.0022;
    this.view.zoomAt(...this.view.toScreen(event), Math.exp(-event.deltaY * unit * strength));
  }

  #showCursor(event, at) {
    const { view } = this;
    const seen = this.paints && !this.#moves && view.split === null
      && (event.pointerType !== "touch" || this.drawing);
    const [x, y] = view.toPhoto(this.#drag?.kind === "size" ? this.#drag.at : at);
    const erase = view.active?.erase ?? this.tool === "eraser";
    view.cursor = seen ? { x, y, size: this.size, erase } : null;
    view.draw();
  }

  #hideCursor() {
    this.view.cursor = null;
    this.view.draw();
  }
}
