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
    tools.addEventListener("point", ({ detail }) => this.#find({ point: detail }));
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

  #find(where, box = null) {
    const [x, y, w, h] = box?.box ?? [...where.point, 0, 0];
    this.view.active = { kind: box ? "box" : "spot", box: [x, y, w, h], waiting: true };
    this.tools.locked = true;
    this.view.maskChanged();
    const search = this.attempt(() => this.#ask(where, box, () => this.#search === search));
    this.#search = search;
    this.marked(null);
    search.finally(() => {
      if (this.#search !== search) return;
      this.#search = null;
      this.#done();
    });
  }

  async #ask(where, box, wanted) {
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
      this.doc.add(region);
      say("The object is marked. Press Enter to fill.");
      if (found.left) toast("What lies around still looks like the object; brush over the rest.");
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
