// A fill from the press of the button to its candidates, which come one by one.
//
// Candidates of one hole are a group: { shapes, under, options, edge, first, variants, rounds, seconds, crops }.
// ``under`` is the stack of fills that the hole was drawn on.

import * as api from "./api.js";
import { say } from "./say.js";

const MORE = 4; // candidates that the server makes for "More"; the first of them is there already
const name = ([fill, candidate]) => `${fill}.${candidate}`;

async function decoded(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

export class Filling {
  going = null; // { abort, box, of, shown, into } of the fill at work

  #patches = new Map(); // "fill.candidate" -> { x, y, w, h, bitmap }
  #groups = new Map(); // "fill.candidate" -> its group
  #pictures = Promise.resolve(); // decoded one after the other, so that none overtakes a later one
  #arrivals = Promise.resolve(); // candidates on their way from the server

  constructor({ view, doc, session, side, tray }) {
    Object.assign(this, { view, doc, session, side, tray });
    tray.choose = (index) => this.choose(index);
  }

  reset() {
    this.cancel();
    this.#patches.clear();
    this.#groups.clear();
  }

  cancel() { this.going?.abort.abort(); }

  patchOf(entry) { return this.#patches.get(name(entry)); }

  patchesOf(stack) { return stack.map((entry) => this.patchOf(entry)).filter(Boolean); }

  // The group of the topmost fill.
  get group() { return this.doc.top && this.#groups.get(name(this.doc.top)); }

  // Whether these settings would fill the last hole in another way than any so far.
  differs(options, edge) {
    const { group } = this;
    return Boolean(group) && JSON.stringify([options, edge]) !== JSON.stringify([group.options, group.edge]);
  }

  choose(index) {
    const entry = this.group?.variants[index];
    if (!entry || (this.going && this.going.into !== this.group)) return;
    this.doc.choose(entry);
  }

  // Fill what is drawn. With edge, strokes are widened by the blur of what they are drawn around.
  async fill(options, edge) {
    const { shapes, stack } = this.doc;
    const group = { shapes, under: stack, options, edge, variants: [], rounds: 0 };
    await this.#run(group, { options, of: options.candidates }, (entry) => {
      if (group.variants.length === 1) this.doc.push({ shapes: [], stack: [...stack, entry] });
    });
    // By the same seed the same candidates would come again.
    group.rounds = options.candidates > 1 ? 1 : 0;
  }

  // Other fills of the hole that was filled last.
  async more() {
    const { group } = this;
    if (!group || this.going) return;
    const options = { ...group.options, candidates: MORE, seed: group.options.seed + group.rounds };
    await this.#run(group, { options, first: 1, of: MORE - 1 });
    group.rounds += 1;
  }

  // The same hole with other settings; the first fill by them is chosen.
  async again(options, edge) {
    const { group } = this;
    if (!group || this.going) return;
    const had = group.variants.length;
    Object.assign(group, { options, edge });
    await this.#run(group, { options, of: options.candidates }, (entry) => {
      if (group.variants.length === had + 1) this.doc.choose(entry);
    });
    group.rounds = options.candidates > 1 ? 1 : 0;
  }

  async #run(group, { options, first = 0, of }, arrived = () => {}) {
    const { view, tray } = this;
    const abort = new AbortController();
    const fresh = !group.variants.length;
    const before = group.variants.length;
    const going = { abort, box: null, of, came: 0, into: group, shown: !fresh, number: null };
    this.going = going;
    this.#arrivals = Promise.resolve();
    if (fresh) view.live = { image: null, box: null };
    view.maskChanged();
    tray.begin(fresh ? "Looking at the photo" : "Looking for other fills");
    this.show();
    say(fresh ? "Filling" : "Looking for other fills");
    const request = { shapes: group.shapes, stack: group.under, options, edge: group.edge, first };
    try {
      const event = await this.session.ask((key) => api.fill(key, request, abort.signal, (e) => this.#heard(e, going, arrived)));
      if (event.event === "done" && !first) Object.assign(group, { seconds: event.seconds, crops: event.crops });
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    } finally {
      // What has come is kept, whatever became of the rest.
      await Promise.allSettled([this.#pictures, this.#arrivals]);
      if (going.number !== null) this.session.keep(going.number).catch(() => {});
      this.going = null;
      view.live = null;
      view.maskChanged();
      this.show();
      this.#tell(group, before, fresh);
    }
  }

  #tell(group, before, fresh) {
    const count = group.variants.length - before;
    if (!count) say(fresh ? "Not filled; what is marked stays" : "No other fill came");
    else if (fresh) say(count === 1 ? "Filled. Press M for other fills, C to compare." : `Filled in ${count} ways. Press 1 to ${count} to choose.`);
    else say(`${count} more, ${group.variants.length} in all`);
  }

  #heard(event, going, arrived) {
    if (event.event === "candidate") {
      // In a chain: the order in which they come is that in which they are shown.
      this.#arrivals = this.#arrivals.then(() => this.#arrive(event, going, arrived));
      this.#arrivals.catch(() => {});
      return;
    }
    if (event.event === "crop") going.box = event.box;
    if (going.shown) this.tray.further(going);
    else this.tray.heard(event, going);
    if (event.event === "search" && !going.shown) this.#picture(event.pictures, event);
    if (event.event === "stage" && !going.shown) this.#picture(event.picture);
  }

  async #arrive({ fill, candidate }, going, arrived) {
    const { into } = going;
    const entry = [fill, candidate];
    const side = this.side();
    const patch = await this.session.ask((key) => api.candidate(key, [...into.under, entry], side));
    this.#patches.set(name(entry), patch);
    this.#groups.set(name(entry), into);
    into.variants.push(entry);
    going.number = fill;
    going.came += 1;
    going.shown = true;
    this.view.live = null;
    arrived(entry);
    this.tray.further(going);
    this.show();
  }

  #picture(url, search = null) {
    const { going, view } = this;
    const { box } = going;
    this.#pictures = this.#pictures.catch(() => {}).then(async () => {
      const image = await decoded(url);
      if (this.going !== going || going.shown) return;
      const live = search ? this.tray.restarts(image, search) : image;
      view.live = { image: live, box: this.#square(box, search), blended: !search };
      view.draw();
    });
  }

  // A prior sees the crop in a square, padded where the photo is narrower.
  #square([x, y, w, h], search) {
    if (!search) return [x, y, w, h];
    const side = Math.max(w, h);
    return [x - Math.floor((side - w) / 2), y - Math.floor((side - h) / 2), side, side];
  }

  // Bring the tray up to date with the document.
  show() {
    const { group, going, doc } = this;
    this.tray.show(group, doc.top, going, {
      patchOf: (entry) => this.patchOf(entry),
      under: group ? this.patchesOf(group.under) : [],
    });
  }
}
