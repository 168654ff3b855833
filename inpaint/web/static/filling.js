// A fill from the press of the button to the candidates: what the tray shows.

import * as api from "./api.js";

const STAGES = {
  poisson: "Blending",
  attention: "Refining",
  recurrent: "Refining",
  texture: "Copying texture",
};
const THUMB = 124; // pixels of a thumbnail's side
const MORE = 4; // candidates that "More" asks for
const $ = (id) => document.getElementById(id);
const name = ([fill, candidate]) => `${fill}.${candidate}`;

async function decoded(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

export class Filling {
  going = null; // { abort, box } of the fill at work
  #patches = new Map(); // "fill.candidate" -> { x, y, w, h, bitmap }
  #groups = new Map(); // "fill.candidate" -> what it is one of
  #losses = [];
  #first = null; // stage of a crop
  #turn = 0; // candidate that goes through the stages
  #pictures = Promise.resolve();

  constructor(view, doc) {
    this.view = view;
    this.doc = doc;
  }

  reset() {
    this.cancel();
    this.#patches.clear();
    this.#groups.clear();
  }

  cancel() { this.going?.abort.abort(); }

  patchesOf(stack) { return stack.map((entry) => this.#patches.get(name(entry))).filter(Boolean); }

  // Fill what is drawn.
  // With edge, strokes and boxes are widened by the blur of what they are drawn around.
  async fill(key, side, options, edge) {
    const { shapes, stack } = this.doc;
    await this.#run(key, { shapes, stack, options, edge }, async (event) => {
      const variants = Array.from({ length: event.candidates }, (_, k) => [event.fill, k]);
      const group = { shapes, under: stack, options, edge, variants, rounds: 0, event };
      await this.#fetch(key, side, group, variants);
      return () => this.doc.push({ shapes: [], stack: [...stack, variants[0]] });
    });
  }

  // Other fills of the hole that was filled last.
  async more(key, side) {
    const group = this.group;
    if (!group || this.going) return;
    const first = group.rounds === 0;
    const options = { ...group.options, candidates: MORE, seed: group.options.seed + group.rounds };
    await this.#run(key, { shapes: group.shapes, stack: group.under, options, edge: group.edge }, async (event) => {
      let variants = Array.from({ length: event.candidates }, (_, k) => [event.fill, k]);
      // By the same seed, those that are there already come again: the first of several is the
      // single one, unless that was routed to another method.
      if (first && group.event.crops.every((crop) => crop.method === "prior")) {
        variants = variants.slice(group.variants.length);
      }
      await this.#fetch(key, side, group, variants);
      group.variants.push(...variants);
      group.rounds += 1;
      return () => {};
    });
  }

  get group() { return this.doc.top && this.#groups.get(name(this.doc.top)); }

  choose(index) {
    const entry = this.group?.variants[index];
    if (entry && !this.going) this.doc.choose(entry);
  }

  // Fill and show how it goes; ``done(event)`` fetches the result before the tray changes, and
  // returns what puts it into the document.
  async #run(key, request, done) {
    const abort = new AbortController();
    this.going = { abort, box: null, candidates: request.options.candidates };
    this.#losses = [];
    const { view } = this;
    const shown = view.shapes;
    view.shapes = request.shapes;
    view.live = { image: null, box: null };
    view.maskChanged();
    this.#say("Starting", "");
    $("restarts").replaceChildren();
    $("curve").hidden = true;
    this.show();
    let finish = null;
    try {
      const plain = request.shapes.map(({ kind, points, size, box, counts, erase }) => ({ kind, points, size, box, counts, erase }));
      const event = await api.fill(key, { ...request, shapes: plain }, abort.signal, (e) => this.#heard(e));
      await this.#pictures.catch(() => {});
      if (event.event === "done") finish = await done(event);
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    } finally {
      this.going = null;
      view.live = null;
      view.shapes = shown;
      if (finish) finish();
      view.maskChanged();
      this.show();
    }
  }

  async #fetch(key, side, group, variants) {
    for (const variant of variants) {
      this.#patches.set(name(variant), await api.candidate(key, [...group.under, variant], side));
      this.#groups.set(name(variant), group);
    }
  }

  #heard(event) {
    if (event.event === "waiting") {
      this.#say("Waiting", `${event.before} before this one`);
    } else if (event.event === "crop") {
      this.going.box = event.box;
      this.#losses = [];
      this.#first = null;
      this.#turn = 0;
      this.#say("Looking around", event.crops > 1 ? `hole ${event.crop + 1} of ${event.crops}` : "");
    } else if (event.event === "search") {
      this.#searched(event);
    } else {
      this.#refined(event);
    }
  }

  // Every candidate goes through the stages, so the first stage begins the next one.
  #refined({ stage, picture }) {
    this.#first ??= stage;
    if (stage === this.#first) this.#turn += 1;
    this.#say(STAGES[stage] ?? stage, this.going.candidates > 1 ? `candidate ${this.#turn} of ${this.going.candidates}` : "");
    this.#picture(picture);
  }

  #searched({ step, steps, loss, pictures, restarts, best, crop, crops }) {
    const where = crops > 1 ? `hole ${crop + 1} of ${crops} · ` : "";
    if (steps === 0) this.#say("Solving", `${where}closed form`);
    else this.#say("Searching", `${where}step ${step} of ${steps}${loss === null ? "" : ` · loss ${loss.toPrecision(3)}`}`, (crop + step / steps) / crops);
    if (loss !== null) this.#losses.push(loss);
    this.#curve();
    this.#picture(pictures, { restarts, best });
  }

  // Pictures are decoded one after the other, so that none overtakes a later one.
  #picture(url, strip = null) {
    const { going, view } = this;
    const { box } = going;
    this.#pictures = this.#pictures.catch(() => {}).then(async () => {
      const image = await decoded(url);
      if (this.going !== going) return;
      view.live = { image: strip ? this.#restarts(image, strip) : image, box: this.#square(box, image, strip) };
      view.draw();
    });
  }

  // A prior sees the crop in a square, padded where the photo is narrower.
  #square([x, y, w, h], image, strip) {
    if (!strip) return [x, y, w, h];
    const side = Math.max(w, h);
    return [x - Math.floor((side - w) / 2), y - Math.floor((side - h) / 2), side, side];
  }

  // The restarts as thumbnails; returns the canvas of the best one.
  #restarts(strip, { restarts, best }) {
    const size = strip.naturalHeight;
    const row = $("restarts");
    while (row.children.length > restarts) row.lastChild.remove();
    while (row.children.length < restarts) row.append(document.createElement("canvas"));
    [...row.children].forEach((canvas, k) => {
      if (canvas.width !== size) canvas.width = canvas.height = size;
      canvas.getContext("2d").drawImage(strip, k * size, 0, size, size, 0, 0, size, size);
      canvas.classList.toggle("best", k === best && restarts > 1);
    });
    return row.children[best];
  }

  #say(what, detail, share = null) {
    $("going-what").textContent = what;
    $("going-detail").textContent = detail;
    if (share === null) $("progress").removeAttribute("value");
    else $("progress").value = share;
  }

  #curve() {
    const canvas = $("curve");
    const context = canvas.getContext("2d");
    const { width, height } = canvas;
    context.clearRect(0, 0, width, height);
    const losses = this.#losses.map((v) => Math.log(Math.max(v, 1e-12)));
    canvas.hidden = losses.length < 2;
    if (losses.length < 2) return;
    const [low, high] = [Math.min(...losses), Math.max(...losses)];
    context.beginPath();
    losses.forEach((v, i) => {
      const x = 4 + ((width - 8) * i) / (losses.length - 1);
      const y = 6 + (height - 12) * (1 - (v - low) / (high - low || 1));
      context.lineTo(x, y);
    });
    context.lineWidth = 3.5;
    context.lineJoin = context.lineCap = "round";
    context.strokeStyle = getComputedStyle(canvas).getPropertyValue("color");
    context.stroke();
  }

  // Bring the tray up to date with the document.
  show() {
    const { group, going } = this;
    const picks = Boolean(group) && !going && !this.doc.shapes.length;
    $("going").hidden = !going;
    $("picks").hidden = !picks;
    $("tray").hidden = !(going || picks);
    if (picks) this.#thumbs(group);
  }

  #thumbs(group) {
    const row = $("thumbs");
    const under = this.patchesOf(group.under);
    const chosen = name(this.doc.top);
    row.replaceChildren(...group.variants.map((variant, index) => {
      const patch = this.#patches.get(name(variant));
      const button = document.createElement("button");
      const canvas = document.createElement("canvas");
      const key = document.createElement("kbd");
      canvas.width = canvas.height = THUMB;
      this.view.thumbnail(canvas, patch, [...under, patch]);
      key.textContent = index + 1;
      button.type = "button";
      button.setAttribute("role", "radio");
      button.setAttribute("aria-checked", name(variant) === chosen);
      button.setAttribute("aria-label", `Candidate ${index + 1}`);
      button.append(canvas, ...(group.variants.length > 1 && index < 9 ? [key] : []));
      button.addEventListener("click", () => this.choose(index));
      return button;
    }));
    const { crops, seconds } = group.event;
    const ways = [...new Set(crops.map((crop) => (crop.method === "prior" ? crop.prior : crop.method)))];
    const faces = crops.filter((crop) => crop.face).length;
    const found = faces ? `, ${faces > 1 ? `${faces} faces` : "a face"} found` : "";
    $("picked").textContent = `${ways.join(", ")} in ${seconds.toFixed(1)} s${found}`;
    $("picked").title = crops.map((crop) => `${crop.why}; ${crop.stages.join(" + ") || "no stages"}`).join("\n");
  }
}
