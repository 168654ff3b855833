// The tray: how a fill goes, and the candidates to choose from.

import { choose as mark, roving } from "./roving.js";

const STAGES = {
  poisson: "Blending",
  attention: "Refining",
  completion: "Refining",
  recurrent: "Refining",
  texture: "Copying texture",
};
const LOOKS = { sharp: "Natural look", psnr: "Faithful look" };
const THUMB = 124; // pixels of a thumbnail's side
const $ = (id) => document.getElementById(id);
const name = ([fill, candidate]) => `${fill}.${candidate}`;

export class Tray {
  choose = () => {}; // (index) => of a candidate that was clicked

  #losses = [];
  #group = null; // whose thumbnails are shown

  constructor(view) {
    this.view = view;
    roving($("thumbs"));
  }

  begin(what) {
    this.#losses = [];
    this.#put(what);
    $("restarts").replaceChildren();
    $("curve").hidden = true;
  }

  // A fill before its first candidate.
  heard(event) {
    if (event.event === "waiting") {
      this.#put("Waiting", [event.before === 1 ? "another fill comes first" : `${event.before} other fills come first`]);
    } else if (event.event === "crop") {
      this.#losses = [];
      this.#put("Preparing", this.#hole(event));
    } else if (event.event === "search") {
      this.#searched(event);
    } else {
      this.#put(STAGES[event.stage] ?? event.stage);
    }
  }

  // Candidates after the first.
  further({ came, of }) {
    $("restarts").replaceChildren();
    $("curve").hidden = true;
    const next = Math.min(came + 1, of);
    this.#put("Looking for other fills", [`${next} of ${of}`], of > 1 ? came / of : null);
  }

  #searched({ step, steps, loss, crop, crops }) {
    const where = this.#hole({ crop, crops });
    if (steps === 0) this.#put("Computing the fill", where);
    else this.#put("Searching", [...where, `step ${step} of ${steps}`], (crop + step / steps) / crops);
    if (loss !== null) this.#losses.push(loss);
    this.#curve();
  }

  // The restarts of a search as thumbnails; returns the canvas of the best one.
  restarts(strip, { restarts, best }) {
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

  #hole({ crop, crops }) { return crops > 1 ? [`hole ${crop + 1} of ${crops}`] : []; }

  // ``details``: short texts; the smallest windows show only the first.
  #put(what, details = [], share = null) {
    $("going-what").textContent = what;
    $("going-detail").replaceChildren(...details.map((detail) => {
      const part = document.createElement("span");
      part.textContent = detail;
      return part;
    }));
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

  // ``group``: what to choose from, if any; ``top``: what is chosen; ``going``: the fill at work.
  show(group, top, going, pictures) {
    const picks = Boolean(group?.variants.length) && (!going || going.into === group);
    $("going").hidden = !going;
    $("picks").hidden = !picks;
    $("tray").hidden = !(going || picks);
    document.body.toggleAttribute("data-filling", Boolean(going));
    if (picks) this.#thumbs(group, top, going, pictures);
  }

  #thumbs(group, top, going, { patchOf, under }) {
    const row = $("thumbs");
    if (this.#group !== group) row.replaceChildren();
    this.#group = group;
    for (const place of row.querySelectorAll("span")) place.remove();
    // Buttons that are there stay, and with them the focus.
    for (let index = row.children.length; index < group.variants.length; index += 1) {
      const patch = patchOf(group.variants[index]);
      row.append(this.#thumb(index, patch, [...under, patch]));
    }
    // Places for those to come, so that nothing moves when they do.
    for (let left = going ? going.of - going.came : 0; left > 0; left -= 1) row.append(document.createElement("span"));
    row.classList.toggle("single", group.variants.length < 2);
    const at = group.variants.findIndex((variant) => name(variant) === name(top));
    const chosen = row.children[at];
    if (chosen?.getAttribute("aria-checked") !== "true") chosen?.scrollIntoView({ block: "nearest", inline: "nearest" });
    mark(row, chosen);
    this.#told(group);
  }

  #thumb(index, patch, patches) {
    const button = document.createElement("button");
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = THUMB;
    this.view.thumbnail(canvas, patch, patches);
    button.type = "button";
    button.setAttribute("role", "radio");
    button.setAttribute("aria-label", `Fill ${index + 1}`);
    button.append(canvas);
    if (index < 9) {
      const key = document.createElement("kbd");
      key.textContent = index + 1;
      button.append(key);
    }
    button.addEventListener("click", () => this.choose(index));
    return button;
  }

  #told({ options, seconds, crops }) {
    const faces = (crops ?? []).filter((crop) => crop.face).length;
    const found = faces ? `, ${faces > 1 ? `${faces} faces` : "a face"} found` : "";
    $("picked").textContent = `${LOOKS[options.mode]}${found}`;
    const ways = (crops ?? []).map((crop) => `${crop.why}; ${crop.stages.join(" + ") || "no stages"}`);
    $("picked").title = seconds === undefined ? "" : [`${seconds.toFixed(1)} s`, ...ways].join("\n");
  }
}
