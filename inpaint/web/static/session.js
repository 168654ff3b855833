// The photo at the server, which may forget it: when it ends, or after a long pause.
//
// So the page keeps the photo's file, and each fill as bytes. When the server no longer knows the
// photo, the page opens it there again and puts the fills back under their numbers; what was asked
// for is then asked once more, and nobody need know.

import * as api from "./api.js";

const FORGOTTEN = 404;
const LEAST_SIDE = 256; // of a view that nobody looks at

export class Session {
  photo = null; // what the server told about it, its name and its file

  #kept = new Map(); // number of a fill -> its bytes
  #returning = null; // the promise of bringing the photo back, while that is under way

  // The photo with a stack of fills on a larger canvas: another photo, and the region of the margins.
  async extend(stack, margins, side) {
    const { name, file } = this.photo;
    const parent = { photo: this.photo, kept: this.#kept, stack, margins };
    const { added, ...told } = await this.ask((key) => api.extend(key, side, { stack, margins }));
    return { photo: { ...told, name, file, parent }, added };
  }

  // Show a file to the server; it becomes the photo only by ``use``, once it can be shown.
  async open(file) {
    return { ...(await api.openPhoto(file)), name: file.name, file };
  }

  use(photo) {
    this.close();
    this.photo = photo;
    this.#kept = new Map();
    this.#returning = null;
  }

  close() { if (this.photo) api.closePhoto(this.photo.key); }

  // ``work(key)``, and once more when the server had forgotten the photo.
  async ask(work) {
    const { photo } = this;
    try {
      return await work(photo.key);
    } catch (error) {
      if (error.status !== FORGOTTEN || photo !== this.photo) throw error;
      this.#returning ??= this.#bringBack(photo).finally(() => { this.#returning = null; });
      await this.#returning;
      return work(photo.key);
    }
  }

  // Hold a fill, so that it can be put back.
  async keep(number) {
    const kept = this.#kept; // of this photo, whichever is open when the bytes come
    kept.set(number, await api.takeFill(this.photo.key, number));
  }

  async #bringBack(photo) {
    try {
      await photo.file.slice(0, 1).arrayBuffer();
    } catch {
      throw new api.ApiError(FORGOTTEN, `The server no longer has this photo, and ${photo.name} has moved or changed on the disk; save what the page has, then open it again.`);
    }
    photo.key = await this.#opened(photo, this.#kept);
  }

  // A photo and its fills at the server anew; returns its key.
  async #opened({ file, parent }, kept) {
    let key;
    if (parent) {
      const under = await this.#opened(parent.photo, parent.kept);
      const { stack, margins } = parent;
      ({ key } = await api.extend(under, LEAST_SIDE, { stack, margins }).finally(() => api.closePhoto(under)));
    } else {
      ({ key } = await api.openPhoto(file));
    }
    for (const [number, held] of kept) await api.putFill(key, number, held);
    return key;
  }
}
