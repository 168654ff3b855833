// What leaves the page: the picture as a file or on the clipboard, and the mask.

import * as api from "./api.js";
import { say } from "./say.js";
import { toast } from "./toast.js";

const EXTENSIONS = { PNG: "png", JPEG: "jpg", WEBP: "webp", TIFF: "tif", BMP: "bmp" };

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  say(`${name} is downloaded`);
}

const stem = (name) => name.replace(/\.[^.]*$/, "");

export class Saving {
  constructor({ doc, view, session, filling, saved, attempt }) {
    Object.assign(this, { doc, view, session, filling, saved, attempt });
  }

  // At full resolution, as the server writes it; where there is none, as the page can.
  async picture(format) {
    const { photo } = this.session;
    try {
      const blob = await this.session.ask((key) => api.file(key, this.doc.stack, format));
      const extension = format === "keep" ? EXTENSIONS[photo.format] : EXTENSIONS[format.toUpperCase()] ?? format;
      download(blob, `${stem(photo.name)}-filled.${extension}`);
      this.saved();
    } catch (error) {
      if (![api.STOPPED, 404].includes(error.status)) throw error;
      throw Object.assign(error, { action: { label: "Save what the page has", run: () => this.attempt(() => this.#fromPage()) } });
    }
  }

  async copy() {
    const { doc, session } = this;
    if (!navigator.clipboard?.write) {
      toast("This browser lets pages copy pictures only from this computer or over HTTPS; download the picture instead.");
      return;
    }
    // A promise within the item: Safari forbids to wait before write is called.
    const png = session.ask((key) => api.file(key, doc.stack, "png"));
    await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
    toast("The picture is on the clipboard.");
  }

  // Of what is drawn, or else of the fill on top; white is the hole.
  async mask() {
    const shapes = this.doc.shapes.length ? this.doc.shapes : this.filling.group?.shapes;
    if (!shapes) {
      toast("There is no mask yet; mark what should go first.");
      return;
    }
    const blob = await this.session.ask((key) => api.drawMask(key, shapes));
    download(blob, `${stem(this.session.photo.name)}-mask.png`);
  }

  // Without a server: the photo as the browser reads it, and the fills as they are shown. A PNG
  // with all pixels, but without the photo's metadata.
  async #fromPage() {
    const { photo } = this.session;
    const { view } = this;
    let base = view.photo.bitmap;
    try {
      const own = await createImageBitmap(photo.file);
      if (own.width === photo.width && own.height === photo.height) base = own;
    } catch { /* a TIFF, or a file that has moved: what is shown is what there is */ }
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: photo.width, height: photo.height });
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(base, 0, 0, photo.width, photo.height);
    const [rx, ry] = view.ratio;
    for (const { bitmap, x, y, w, h } of this.filling.patchesOf(this.doc.stack)) {
      context.drawImage(bitmap, x / rx, y / ry, w / rx, h / ry);
    }
    const blob = await new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
    download(blob, `${stem(photo.name)}-filled.png`);
    this.saved();
    toast("Saved from the page as PNG, without the photo's metadata.");
  }
}
