// What is drawn and what is filled, with undo and redo.
//
// A state is { shapes, stack }: the shapes that are drawn and not yet filled, and the fills that
// lie on the photo, [fill, candidate] each. States are never changed, only followed by others.

const EMPTY = Object.freeze({ shapes: [], stack: [] });

export class Doc extends EventTarget {
  #past = [];
  #future = [];
  #now = EMPTY;

  get now() { return this.#now; }
  get shapes() { return this.#now.shapes; }
  get stack() { return this.#now.stack; }
  get top() { return this.#now.stack.at(-1); }
  get canUndo() { return this.#past.length > 0; }
  get canRedo() { return this.#future.length > 0; }

  reset() {
    this.#past = [];
    this.#future = [];
    this.#set(EMPTY);
  }

  push(change) {
    this.#past.push(this.#now);
    this.#future = [];
    this.#set({ ...this.#now, ...change });
  }

  add(shape) { this.push({ shapes: [...this.shapes, shape] }); }

  clear() { if (this.shapes.length) this.push({ shapes: [] }); }

  // Another candidate in the place of the topmost: no step of its own, like turning a dial.
  choose(entry) {
    this.#set({ ...this.#now, stack: [...this.stack.slice(0, -1), entry] });
  }

  // Another shape in the place of the last one, likewise.
  swap(shape) { this.#set({ ...this.#now, shapes: [...this.shapes.slice(0, -1), shape] }); }

  undo() { this.#step(this.#past, this.#future); }
  redo() { this.#step(this.#future, this.#past); }

  #step(from, to) {
    if (!from.length) return;
    to.push(this.#now);
    this.#set(from.pop());
  }

  #set(state) {
    const before = this.#now;
    this.#now = state;
    this.dispatchEvent(new CustomEvent("change", { detail: before }));
  }
}
