// The page: puts its parts together, and its buttons and keys to work.

import * as api from "./api.js";
import { arrivals } from "./arrivals.js";
import { Compare } from "./compare.js";
import { controls } from "./controls.js";
import { Crosshair } from "./crosshair.js";
import { Doc } from "./doc.js";
import { extending } from "./extending.js";
import { Filling } from "./filling.js";
import { listen } from "./keys.js";
import { layout } from "./layout.js";
import { Marking, withImage } from "./marking.js";
import { closeTopmost, help, panel } from "./panels.js";
import { Saving } from "./saving.js";
import { say } from "./say.js";
import { Session } from "./session.js";
import { Settings } from "./settings.js";
import { sizes } from "./sizes.js";
import "./theme.js";
import { hideToast, messages, toast } from "./toast.js";
import { Tools } from "./tools.js";
import { Tray } from "./tray.js";
import { View } from "./view.js";

const $ = (id) => document.getElementById(id);
const KEEP_ALIVE = 60_000;
const BRUSH = 36; // pixels of the screen, to begin with
const SMALL_SIDE = 2400; // longest side of the view where the screen is small: memory is, too

let settings = null;
let saved = true;
const side = () => Math.min(Math.max(screen.width, screen.height) < 1000 ? SMALL_SIDE : Infinity, settings.about.limits.side);

const doc = new Doc();
const view = new View($("canvas"));
const tools = new Tools(view);
const session = new Session();
const compare = new Compare(view, () => doc.stack.length > 0 && !waits());
const filling = new Filling({ view, doc, session, side, tray: new Tray(view) });
const crosshair = new Crosshair(view, tools, compare);
const saving = new Saving({ doc, view, session, filling, attempt, saved: () => { saved = true; } });
const marking = new Marking({
  doc, view, tools, session, side, attempt,
  margin: () => settings.margin,
  snaps: () => $("snap").checked,
  marked: (shape) => {
    refresh();
    if (shape?.kind === "stroke" && !shape.erase && settings.onLift) fill();
  },
});
const measure = layout(view);
const placeSizes = sizes({
  view,
  found: () => (tools.tool === "box" && !filling.going ? marking.found : null),
  resize: (step) => marking.resize(step),
});

// A fill at work whose picture is still to come.
const waits = () => Boolean(filling.going) && !filling.going.shown;

// Run something that may fail: a failure becomes a message, and a message goes when the next thing works.
async function attempt(work) {
  const before = messages();
  try {
    const result = await work();
    if (messages() === before) hideToast();
    return result;
  } catch (error) {
    toast(error.message, error.action);
    if (!("status" in error)) console.error(error);
    return undefined;
  }
}

// Opening

const unsaved = () => !saved || doc.shapes.length > 0;

async function open(file) {
  const { bytes } = settings.about.limits;
  if (file.size > bytes) {
    toast(`${file.name} has ${(file.size / 2 ** 20).toFixed(0)} MB; the limit is ${(bytes / 2 ** 20).toFixed(0)} MB.`);
    return;
  }
  if (unsaved() && !confirm(saved ? "What you marked is not filled yet. Open another photo without it?" : "The filled picture is not downloaded yet. Open another photo without it?")) return;
  $("choose").querySelector("strong").textContent = "Opening the photo";
  await alone(async () => {
    await show(await session.open(file));
    say(`${file.name} is open. Mark what should go, then press Enter.`);
  });
  $("choose").querySelector("strong").textContent = "Drop a photo here";
}

// Run what changes the photo itself; no other photo can come meanwhile.
async function alone(work) {
  document.body.dataset.busy = "open";
  await attempt(work);
  delete document.body.dataset.busy;
  refresh();
}

async function show(photo) {
  const bitmap = await api.view(photo.key, side());
  marking.drop();
  filling.reset();
  session.use(photo);
  saved = true;
  doc.reset();
  document.body.dataset.state = "open";
  compare.hide();
  measure();
  view.open({ width: photo.width, height: photo.height, alpha: photo.alpha, bitmap });
  tools.setSize(BRUSH / view.camera.scale);
  $("file").hidden = false;
  $("file-name").textContent = photo.name;
  $("file-facts").textContent = `${photo.width} × ${photo.height} ${photo.format}${photo.bits === 16 ? ", 16 bit" : ""}`;
  document.title = `${photo.name} - inpaint`;
  $("canvas").focus();
}

extending({
  size: () => [session.photo.width, session.photo.height],
  extend: (margins) => alone(async () => {
    const { photo, added } = await session.extend(doc.stack, margins, side());
    const region = await withImage(added);
    await show(photo);
    doc.add(region);
    say("The canvas is larger, and its margins are marked. Press Enter to fill them.");
  }),
});

// Why no photo can come now, in words.
function busy() {
  if (!settings) return "The page is not ready yet; try again in a moment.";
  if (document.body.dataset.busy) return "A photo is being opened already.";
  return filling.going ? "A fill is at work. Wait for it or cancel it (Esc), then open the photo." : null;
}

const choose = arrivals({ busy, open });

// What is drawn and filled

doc.addEventListener("change", ({ detail: before }) => {
  view.shapes = doc.shapes;
  view.patches = filling.patchesOf(doc.stack);
  if (before.stack !== doc.stack) saved = !doc.stack.length;
  if (doc.shapes.length || !doc.stack.length) compare.hide();
  view.maskChanged();
  filling.show();
  refresh();
});

function refresh() {
  const going = Boolean(filling.going);
  const still = going || marking.searching;
  $("undo").disabled = still || !doc.canUndo;
  $("redo").disabled = still || !doc.canRedo;
  $("clear").disabled = going || !(doc.shapes.length || marking.searching);
  $("fill").disabled = going || !(marking.searching || doc.shapes.some((shape) => !shape.erase));
  $("save").disabled = waits() || !session.photo;
  $("more").disabled = going;
  $("compare").disabled = waits();
  $("again").hidden = going || !settings || !filling.differs(settings.options, settings.edge);
  for (const id of ["copy", "mask-load", "mask-save", "extend-open"]) $(id).disabled = going || !session.photo;
  tools.locked = still;
  placeSizes();
  cursor();
}

function cursor() {
  const moves = tools.locked || tools.held || tools.tool === "hand";
  $("canvas").dataset.cursor = moves ? "move" : tools.tool;
}

// Filling

async function ready() {
  const fault = settings.fault;
  if (fault) {
    panel(true);
    fault.field.focus();
    toast(fault.text);
    return false;
  }
  crosshair.hide();
  compare.hide();
  tools.cancel();
  await marking.settled(); // what is being looked for belongs to this fill
  return true;
}

// ``work()`` fills; the buttons follow, and the focus goes on from a button that is gone.
async function watched(work) {
  const inDock = $("dock").contains(document.activeElement);
  const going = attempt(work);
  refresh();
  if (inDock) $("cancel").focus();
  await going;
  refresh();
  const lost = [document.body, $("cancel")].includes(document.activeElement) || document.activeElement === null;
  if (lost) ($("thumbs").querySelector('[aria-checked="true"]') ?? $("canvas")).focus({ preventScroll: true });
}

async function fill() {
  if ($("fill").disabled || !(await ready())) return;
  // Another press was quicker, or the search found nothing.
  if (filling.going || !doc.shapes.some((shape) => !shape.erase)) return;
  await watched(() => filling.fill(settings.options, settings.edge));
}

async function more() {
  if (filling.group && !filling.going && await ready() && !filling.going) await watched(() => filling.more());
}

async function again() {
  if ($("again").hidden || !(await ready()) || filling.going) return;
  await watched(() => filling.again(settings.options, settings.edge));
}

$("fill").onclick = fill;
$("more").onclick = more;
$("again").onclick = again;
$("cancel").onclick = () => filling.cancel();
$("undo").onclick = () => { if (!filling.going) doc.undo(); };
$("redo").onclick = () => { if (!filling.going) doc.redo(); };
$("clear").onclick = () => { if (!filling.going && !marking.drop()) doc.clear(); };
$("lift").onclick = () => { settings.onLift = !settings.onLift; };

// Saving

async function save() {
  if ($("save").disabled) return;
  $("save").disabled = true;
  await attempt(() => saving.picture(settings.format));
  refresh();
}

$("save").onclick = save;
$("copy").onclick = () => attempt(() => saving.copy());
$("mask-save").onclick = () => attempt(() => saving.mask());
$("mask-load").onclick = () => $("mask-picker").click();
$("mask-picker").onchange = (event) => {
  const file = event.target.files[0];
  event.target.value = "";
  if (file) attempt(() => marking.load(file));
};

// Keys, and coming and going

const { zoom } = controls({ view, tools, cursor, moved: () => compare.place() });
tools.addEventListener("tool", placeSizes);
tools.addEventListener("peek", ({ detail }) => compare.peek(detail));

listen({
  tool: (name) => tools.setTool(name),
  resize: (factor) => {
    if (tools.tool === "box") marking.resize(factor > 1 ? 1 : -1);
    else if (session.photo) tools.setSize(Math.max(tools.size * factor, factor > 1 ? tools.size + 1 : 0));
  },
  hold: (held) => { tools.held = held; view.cursor = null; view.draw(); cursor(); },
  snap: () => { $("snap").checked = !$("snap").checked; tools.setTool("box"); },
  lift: () => $("lift").click(),
  fill,
  more,
  again,
  choose: (index) => filling.choose(index),
  compare: () => compare.toggle(),
  peek: (on) => compare.peek(on),
  split: (step) => compare.nudge(step),
  undo: () => $("undo").click(),
  redo: () => $("redo").click(),
  clear: () => $("clear").click(),
  zoom,
  fit: () => view.fit(),
  open: choose,
  save,
  copy: () => $("copy").click(),
  settings: () => panel(),
  help,
  // The topmost thing closes: what lies over the page, then what is begun, then what is at work.
  escape: () => {
    if (closeTopmost()) return;
    if (tools.drawing) { if (!crosshair.hide()) tools.cancel(); }
    else if (marking.drop()) refresh();
    else if (filling.going) filling.cancel();
    else if (compare.shown) compare.hide();
    else if (!crosshair.hide()) hideToast();
  },
});

// What the server forgets in between, the session brings back when it is needed.
setInterval(() => { if (session.photo) api.keepPhoto(session.photo.key).catch(() => {}); }, KEEP_ALIVE);
addEventListener("pagehide", () => session.close());
addEventListener("beforeunload", (event) => { if (unsaved()) event.preventDefault(); });

attempt(async () => {
  settings = new Settings(await api.about());
  settings.addEventListener("change", refresh);
  document.body.dataset.ready = "";
  refresh();
});
