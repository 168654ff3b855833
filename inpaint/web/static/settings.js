// The settings panel: what the next fill is told. Kept in this browser between visits.

const STORE = "inpaint-settings";
const HINTS = {
  sharp: "The most natural look, with texture copied from the photo.",
  psnr: "The most likely pixel values; softer.",
};
const USUAL = ["poisson", "attention", "texture"]; // where one begins to choose
const AUTO_HINT = "A prior is a model of how pictures look. Automatic takes the one that fits the photo best.";
const $ = (id) => document.getElementById(id);
const radio = (name) => document.querySelector(`input[name="${name}"]:checked`)?.value;
const number = (id) => ($(id).value === "" ? null : Number($(id).value));
// Fields that take a whole number, and what it is called in a message.
const NUMBERS = { steps: "Steps", seed: "Seed", grow: "Margin in pixels" };

export class Settings extends EventTarget {
  #order = USUAL; // chosen stages, in their order
  #priors = new Map();

  constructor(about) {
    super();
    this.about = about;
    $("version").textContent = `inpaint ${about.version}`;
    for (const prior of about.priors) {
      this.#priors.set(prior.name, prior);
      $("prior").add(new Option(prior.name, prior.name));
    }
    for (let k = 1; k <= about.limits.candidates; k += 1) this.#addCandidates(k);
    for (const stage of about.stages) this.#addStage(stage);
    this.#restore();
    $("settings").addEventListener("change", () => this.#changed());
    for (const id of Object.keys(NUMBERS)) $(id).addEventListener("input", () => this.#judge(id));
    this.#changed();
  }

  // The first field that cannot be used: { field, text }; null when all can.
  get fault() {
    for (const id of Object.keys(NUMBERS)) {
      const text = this.#judge(id);
      if (text) return { field: $(id), text };
    }
    return null;
  }

  // Say beside a field what is wrong with its number; returns that.
  #judge(id) {
    const field = $(id);
    const good = field.validity.valid && Number.isInteger(Number(field.value));
    const most = field.max ? `from ${field.min} to ${field.max}` : `from ${field.min}`;
    const text = good ? "" : `${NUMBERS[id]}: expected a whole number ${most}`;
    field.setAttribute("aria-invalid", !good);
    $(`${id}-fault`).textContent = text;
    $(`${id}-fault`).hidden = good;
    return text;
  }

  // As the server's option fields.
  get options() {
    const stages = { auto: ["auto"], none: ["none"], own: this.#order }[radio("stages")];
    return {
      prior: $("prior").value,
      class: $("class").value || null,
      mode: radio("mode"),
      stages: stages.length ? stages : ["none"],
      candidates: Number(radio("candidates")),
      faces: $("faces").checked,
      steps: number("steps"),
      seed: number("seed") ?? 0,
    };
  }

  // Without a margin of one's own, strokes get the one that the blur of the edge needs.
  get edge() { return number("grow") === null; }

  get margin() { return { grow: number("grow"), shadow: $("shadow").checked }; }
  get format() { return $("format").value; }

  // Whether a stroke is filled as soon as it ends.
  get onLift() { return $("lift").getAttribute("aria-pressed") === "true"; }
  set onLift(on) {
    $("lift").setAttribute("aria-pressed", on);
    this.#store();
  }

  #addCandidates(count) {
    const label = document.createElement("label");
    label.innerHTML = '<input type="radio" name="candidates"><span></span>';
    label.querySelector("input").value = count;
    label.querySelector("input").checked = count === 1;
    label.querySelector("span").textContent = count;
    $("candidates").append(label);
  }

  #addStage({ name, about }) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.stage = name;
    button.innerHTML = "<b></b><span><span></span><small></small></span>";
    button.querySelector("span span").textContent = name;
    button.querySelector("small").textContent = about;
    button.addEventListener("click", () => {
      const at = this.#order.indexOf(name);
      this.#order = at < 0 ? [...this.#order, name] : this.#order.filter((one) => one !== name);
      this.#changed();
    });
    $("stages").append(button);
  }

  #changed() {
    $("mode-hint").textContent = HINTS[radio("mode")];
    const prior = this.#priors.get($("prior").value);
    $("prior-hint").textContent = prior
      ? `${prior.kind}, ${prior.size} px${prior.whole ? ", sees the whole picture" : ""}. ${prior.about}`
      : AUTO_HINT;
    const classes = prior?.classes ?? [];
    $("class-row").hidden = !classes.length;
    if ([...$("class").options].slice(1).map((o) => o.value).join() !== classes.join()) {
      $("class").replaceChildren(new Option("Any", ""), ...classes.map((c) => new Option(c, c)));
    }
    $("stages").hidden = radio("stages") !== "own";
    for (const button of $("stages").children) {
      const at = this.#order.indexOf(button.dataset.stage);
      button.setAttribute("aria-pressed", at >= 0);
      button.querySelector("b").textContent = at >= 0 ? at + 1 : "";
    }
    for (const id of Object.keys(NUMBERS)) this.#judge(id);
    this.#store();
    this.dispatchEvent(new Event("change"));
  }

  #store() {
    const fields = Object.fromEntries(this.#fields().map((f) => [f.id, f.type === "checkbox" ? f.checked : f.value]));
    const radios = Object.fromEntries(["mode", "stages", "candidates"].map((name) => [name, radio(name)]));
    try {
      localStorage.setItem(STORE, JSON.stringify({ fields, radios, order: this.#order, lift: this.onLift }));
    } catch { /* a private window may have no store */ }
  }

  #restore() {
    let kept;
    try {
      kept = JSON.parse(localStorage.getItem(STORE));
    } catch { /* the same */ }
    if (!kept) return;
    for (const field of this.#fields()) {
      const value = kept.fields?.[field.id];
      if (typeof value === "boolean") field.checked = value;
      else if (typeof value === "string" && !(field.id === "prior" && value !== "auto" && !this.#priors.has(value))) field.value = value;
    }
    for (const [name, value] of Object.entries(kept.radios ?? {})) {
      const input = document.querySelector(`input[name="${name}"][value="${CSS.escape(value)}"]`);
      if (input) input.checked = true;
    }
    $("lift").setAttribute("aria-pressed", kept.lift === true);
    const known = this.about.stages.map((stage) => stage.name);
    this.#order = (kept.order ?? USUAL).filter((name) => known.includes(name));
  }

  #fields() { return ["prior", "faces", "steps", "seed", "grow", "shadow", "format"].map($); }
}
