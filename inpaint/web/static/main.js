// The page: opens photos, passes what is drawn to the server, and shows what comes back.

import * as api from "./api.js";
import { arrivals } from "./arrivals.js";
import { Compare } from "./compare.js";
import { Doc } from "./doc.js";
import { Filling } from "./filling.js";
import { listen } from "./keys.js";
import { Settings } from "./settings.js";
import "./theme.js";
import { toast } from "./toast.js";
import { Tools } from "./tools.js";
import { View } from "./view.js";

const $ = (id) => document.getElementById(id);
const KEEP_ALIVE = 60_000;
const BRUSH = 36; // pixels of the screen, to begin with
const SMALL_SIDE = 2400; // longest side of the view where the screen is small: memory is, too
const EXTENSIONS = { PNG: "png", JPEG: "jpg", WEBP: "webp", TIFF: "tif", BMP: "bmp" };

const doc = new Doc();
const view = new View($("canvas"));
const tools = new Tools(view);
const filling = new Filling(view, doc);
const compare = new Compare(view);
let settings = null;
let photo = null; // what the server told about it, and its file's name
let saved = true;

const side = () => Math.min(Math.max(screen.width, screen.height) < 1000 ? SMALL_SIDE : Infinity, settings.about.limits.side);

// Run something that may fail; a failure becomes a message.
async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    toast(error.status === 404 && photo ? "The server no longer has this photo; open it again." : error.message);
    if (!("status" in error)) console.error(error);
    return undefined;
  }
}

// Opening

async function open(file) {
  if (!file || document.body.dataset.busy) return;
  const { bytes } = settings.about.limits;
  if (file.size > bytes) {
    toast(`${file.name} has ${(file.size / 2 ** 20).toFixed(0)} MB, the limit is ${(bytes / 2 ** 20).toFixed(0)} MB.`);
    return;
  }
  if (!saved && !confirm("Open another photo without downloading this one?")) return;
  document.body.dataset.busy = "open";
  $("choose").querySelector("strong").textContent = "Opening…";
  await attempt(async () => {
    const opened = await api.openPhoto(file);
    const bitmap = await api.view(opened.key, side());
    if (photo) api.closePhoto(photo.key);
    filling.reset();
    photo = { ...opened, name: file.name };
    document.body.dataset.state = "open";
    measure();
    compare.hide();
    view.open({ width: opened.width, height: opened.height, bitmap });
    doc.reset();
    saved = true;
    tools.setSize(BRUSH / view.camera.scale);
    $("file").hidden = false;
    $("file-name").textContent = file.name;
    $("file-facts").textContent = `${opened.width} × ${opened.height} ${opened.format}${opened.bits === 16 ? ", 16 bit" : ""}`;
    document.title = `${file.name} - inpaint`;
    $("canvas").focus();
  });
  delete document.body.dataset.busy;
  $("choose").querySelector("strong").textContent = "Drop a photo here";
}

const choose = arrivals({ ready: () => settings && !filling.going, open });

// Drawing

tools.addEventListener("shape", async ({ detail: shape }) => {
  compare.hide();
  if (shape.kind !== "box" || !$("snap").checked) { doc.add(shape); return; }
  view.active = { ...shape, waiting: true };
  tools.locked = true;
  view.draw();
  await attempt(async () => {
    const found = await api.snap(photo.key, side(), { box: shape.box, stack: doc.stack, ...settings.margin });
    view.active = null;
    if (!found.found) {
      toast("Nothing stands out in this box, so all of it is marked.");
      doc.add(shape);
      return;
    }
    if (found.left) toast("What lies around still looks like the object; brush over the rest.");
    const image = new Image();
    image.src = found.view.png;
    await image.decode();
    doc.add({ ...found.shape, image, place: found.view });
  });
  view.active = null;
  tools.locked = Boolean(filling.going);
  view.maskChanged();
});

doc.addEventListener("change", ({ detail: before }) => {
  view.shapes = doc.shapes;
  view.patches = filling.patchesOf(doc.stack);
  if (before.stack !== doc.stack) saved = !doc.stack.length;
  if (!doc.stack.length) compare.hide();
  view.maskChanged();
  filling.show();
  refresh();
});

function refresh() {
  const busy = Boolean(filling.going);
  $("undo").disabled = busy || !doc.canUndo;
  $("redo").disabled = busy || !doc.canRedo;
  $("clear").disabled = busy || !doc.shapes.length;
  $("fill").disabled = busy || !doc.shapes.some((shape) => !shape.erase);
  $("save").disabled = busy || !photo;
  for (const id of ["more", "compare"]) $(id).disabled = busy;
  tools.locked = busy;
  cursor();
}

function cursor() {
  const moves = tools.locked || tools.held || tools.tool === "hand";
  $("canvas").dataset.cursor = moves ? "move" : tools.tool;
}

// Filling

async function fill() {
  if ($("fill").disabled) return;
  compare.hide();
  tools.cancel();
  const going = attempt(() => filling.fill(photo.key, side(), settings.options, settings.margin.grow === null));
  refresh();
  await going;
  refresh();
}

async function more() {
  if (!filling.group || filling.going) return;
  compare.hide();
  const going = attempt(() => filling.more(photo.key, side()));
  refresh();
  await going;
  refresh();
}

$("fill").onclick = fill;
$("more").onclick = more;
$("cancel").onclick = () => filling.cancel();
$("undo").onclick = () => { if (!filling.going) doc.undo(); };
$("redo").onclick = () => { if (!filling.going) doc.redo(); };
$("clear").onclick = () => { if (!filling.going) doc.clear(); };
$("compare").onclick = () => toggleCompare();

function toggleCompare() {
  if (doc.stack.length && !filling.going) compare.toggle();
}

// Saving

async function save() {
  if ($("save").disabled) return;
  $("save").disabled = true;
  await attempt(async () => {
    const { format } = settings;
    const blob = await api.file(photo.key, doc.stack, format);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    const extension = format === "keep" ? EXTENSIONS[photo.format] : EXTENSIONS[format.toUpperCase()] ?? format;
    link.download = `${photo.name.replace(/\.[^.]*$/, "")}-filled.${extension}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    saved = true;
  });
  refresh();
}
$("save").onclick = save;

// Tools, zoom, panels

for (const button of document.querySelectorAll("[data-tool]")) {
  button.onclick = () => tools.setTool(button.dataset.tool);
}
tools.addEventListener("tool", () => {
  for (const button of document.querySelectorAll("[data-tool]")) {
    button.setAttribute("aria-checked", button.dataset.tool === tools.tool);
  }
  $("size-row").hidden = !["brush", "eraser"].includes(tools.tool);
  $("snap-row").hidden = tools.tool !== "box";
  cursor();
});
tools.addEventListener("size", () => {
  $("size").value = tools.stepOf(tools.size);
  $("size-shown").textContent = `${tools.size} px`;
});
$("size").oninput = () => tools.setSize(tools.sizeAt(Number($("size").value)));

function zoom(factor) {
  const [width, height] = view.size;
  view.zoomAt(width / 2, height / 2, factor);
}
$("zoom-in").onclick = () => zoom(1.5);
$("zoom-out").onclick = () => zoom(1 / 1.5);
$("zoom-fit").onclick = () => view.fit(view.fitted ? 1 : undefined);
view.addEventListener("camera", () => {
  const percent = view.camera.scale * 100;
  $("zoom-fit").textContent = `${percent < 10 ? percent.toFixed(1) : percent.toFixed(0)} %`;
  compare.place();
});

// The photo fits between the bars, so their heights are measured.
function measure() {
  const narrow = matchMedia("(max-width: 760px)").matches;
  const tray = 92;
  view.insets = { top: narrow ? 54 : 20, right: narrow ? 10 : 20, bottom: $("tools").offsetHeight + 34 + (narrow ? 24 : tray), left: narrow ? 10 : 20 };
}
addEventListener("resize", measure);

function panel(open = $("settings").hidden) {
  $("settings").hidden = !open;
  document.body.toggleAttribute("data-panel", open);
  $("settings-open").setAttribute("aria-expanded", open);
  (open ? $("settings-close") : $("settings-open")).focus({ preventScroll: true });
}
$("settings-open").onclick = () => panel();
$("settings-close").onclick = () => panel(false);
$("help").onclick = () => $("shortcuts").showModal();
$("shortcuts").onclick = (event) => { if (event.target === $("shortcuts")) $("shortcuts").close(); };

listen({
  tool: (name) => tools.setTool(name),
  resize: (factor) => { if (photo) tools.setSize(Math.max(tools.size * factor, factor > 1 ? tools.size + 1 : 0)); },
  hold: (held) => { tools.held = held; view.cursor = null; view.draw(); cursor(); },
  snap: () => { $("snap").checked = !$("snap").checked; tools.setTool("box"); },
  fill,
  more,
  choose: (index) => filling.choose(index),
  compare: toggleCompare,
  split: (step) => compare.nudge(step),
  undo: () => $("undo").click(),
  redo: () => $("redo").click(),
  clear: () => $("clear").click(),
  zoom,
  fit: () => view.fit(),
  open: choose,
  save,
  settings: () => panel(),
  help: () => $("help").click(),
  escape: () => {
    if (filling.going) filling.cancel();
    else if (compare.shown) compare.hide();
    else if (!$("settings").hidden) panel(false);
    else tools.cancel();
  },
});

// Coming and going

setInterval(() => {
  if (photo) api.keepPhoto(photo.key).catch((error) => { if (error.status === 404) toast("The server no longer has this photo; open it again."); });
}, KEEP_ALIVE);
addEventListener("pagehide", () => { if (photo) api.closePhoto(photo.key); });
addEventListener("beforeunload", (event) => { if (!saved) event.preventDefault(); });

attempt(async () => {
  settings = new Settings(await api.about());
  document.body.dataset.ready = "";
  refresh();
});
