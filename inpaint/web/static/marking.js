// From the tools to the document: strokes as they are, boxes and clicks by way of the object that
// the server finds there, and mask files.

import * as api from "./api.js";
import { say } from "./say.js";
import { toast } from "./toast.js";

export async function withImage({ shape, view }) {
  const image = new Image();
  image.src = view.png;
  await image.decode();
  return { ...shape, image, place: view };
}

export class Marking {
  // What is being looked for; a fill waits for it, so that nothing that was marked is lost.
  #search = null;

  constructor({ doc, view, tools, session, side, margin, snaps, attempt, marked }) {
    Object.assign(this, { doc, view, tools, session, side, margin, snaps, attempt, marked });
    tools.addEventListener("shape", ({ detail }) => this.#take(detail));
    tools.addEventListener("point", ({ detail }) => this.#point(detail));
  }

  // The object that a click found, while it is what was marked last: a region with ``seek``, which
  // tells its point and how many sizes it may go on.
  get found() {
    const last = this.doc.shapes.at(-1);
    return last?.seek ? last : null;
  }

  // Take a smaller or a larger object at the same point.
  resize(step) {
    const { found } = this;
    if (!found || this.#search) return;
    const { seek } = found;
    if (step > 0 ? !seek.larger : !seek.smaller) {
      toast(`No ${step > 0 ? "larger" : "smaller"} object was found here; draw a box around it, or brush over it.`);
    } else this.#find({ point: seek.point, step: seek.step + step }, null, found);
  }

  get searching() { return Boolean(this.#search); }

  // When nothing is being looked for any more.
  async settled() { while (this.#search) await this.#search; }

  // Leave what is being looked for unmarked.
  drop() {
    if (!this.#search) return false;
    this.#search = null;
    this.#done();
    return true;
  }

  async load(file) {
    const region = await this.session.ask((key) => api.loadMask(key, this.side(), file));
    this.doc.add(await withImage(region));
    say("The mask is loaded");
  }

  #take(shape) {
    if (shape.kind === "box" && this.snaps()) {
      this.#find({ box: shape.box }, shape);
    } else {
      this.doc.add(shape);
      this.marked(shape);
    }
  }

  // A click on the object that is found takes the next larger one, and after that the smallest.
  #point(point) {
    const { found } = this;
    if (!found || !this.#within(found, point)) {
      this.#find({ point });
      return;
    }
    const { point: at, step, smaller, larger } = found.seek;
    if (smaller || larger) this.#find({ point: at, step: larger ? step + 1 : step - smaller }, null, found);
  }

  #within({ image, place }, [x, y]) {
    const [rx, ry] = this.view.ratio;
    const context = new OffscreenCanvas(1, 1).getContext("2d");
    context.drawImage(image, place.x - Math.floor(x * rx), place.y - Math.floor(y * ry));
    return context.getImageData(0, 0, 1, 1).data[3] > 0;
  }

  // ``box``: what is marked when nothing is found; ``former``: in whose place the object comes.
  #find(where, box = null, former = null) {
    const [x, y, w, h] = box?.box ?? [...where.point, 0, 0];
    this.view.active = { kind: box ? "box" : "spot", box: [x, y, w, h], waiting: true };
    this.tools.locked = true;
    this.view.maskChanged();
    const search = this.attempt(() => this.#ask(where, box, former, () => this.#search === search));
    this.#search = search;
    this.marked(null);
    search.finally(() => {
      if (this.#search !== search) return;
      this.#search = null;
      this.#done();
    });
  }

  async #ask(where, box, former, wanted) {
    const request = { ...where, stack: this.doc.stack, ...this.margin() };
    let found;
    try {
      found = await this.session.ask((key) => api.snap(key, this.side(), request));
    } catch (error) {
      if (box && wanted()) this.doc.add(box); // as it was drawn, rather than lost
      throw error;
    }
    const region = found.found ? await withImage(found) : null;
    if (!wanted()) return;
    if (region) {
      const { smaller, larger } = found;
      if (where.point) region.seek = { point: where.point, step: where.step ?? 0, smaller, larger };
      if (former && former === this.found) this.doc.swap(region);
      else this.doc.add(region);
      say(`The object is marked. Press Enter to fill${smaller || larger ? ", [ or ] for a smaller or larger one" : ""}.`);
      if (found.left) toast("Something around the object still looks like it; brush over that too if it should go.");
    } else if (box) {
      this.doc.add(box);
      toast("Nothing stands out in this box, so all of it is marked.");
    } else {
      toast("Nothing stands out at this spot; draw a box around the object, or brush over it.");
    }
  }

  #done() {
    this.view.active = null;
    this.view.maskChanged();
    this.marked(null);
  }
}
