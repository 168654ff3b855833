// The photo at the server, which may forget it: when it ends, or after a long pause.
//
// So the page keeps the photo's file, and each fill as bytes. When the server no longer knows the
// photo, the page opens it there again and puts the fills back under their numbers; what was asked
// for is then asked once more, and nobody need know.

import * as api from "./api.js";

const FORGOTTEN = 404;

export class Session {
  photo = null; // what the server told about it, its name and its file

  #kept = new Map(); // number of a fill -> its bytes
  #returning = null; // the promise of bringing the photo back, while that is under way

  // Show a file to the server; it becomes the photo only by ``use``, once it can be shown.
  async open(file) {
    return { ...(await api.openPhoto(file)), name: file.name, file };
  }

  use(photo) {
    this.close();
    this.photo = photo;
    this.#kept.clear();
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
    const { photo } = this;
    const held = await api.takeFill(photo.key, number);
    if (photo === this.photo) this.#kept.set(number, held);
  }

  async #bringBack(photo) {
    try {
      await photo.file.slice(0, 1).arrayBuffer();
    } catch {
      throw new api.ApiError(FORGOTTEN, `The server no longer has this photo, and ${photo.name} has moved or changed on the disk; save what the page has, then open it again.`);
    }
    const told = await api.openPhoto(photo.file);
    for (const [number, held] of this.#kept) await api.putFill(told.key, number, held);
    photo.key = told.key;
  }
}
