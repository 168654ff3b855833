// The ways in which a photo comes: chosen, pasted or dropped.

import { toast } from "./toast.js";

const $ = (id) => document.getElementById(id);
const NO_PHOTO = "That is not an image file; drop a photo (PNG, JPEG, WebP, TIFF, BMP, AVIF or HEIC).";

// Call ``open`` with the file whenever one comes. ``busy()`` says in words why none can come now.
// Returns what lets one choose.
export function arrivals({ busy, open }) {
  const take = (file) => {
    const why = busy();
    if (why) toast(why);
    else open(file);
  };
  const choose = () => { if (!busy()) $("picker").click(); };
  $("choose").onclick = choose;
  $("open").onclick = choose;
  $("picker").onchange = (event) => {
    const file = event.target.files[0];
    event.target.value = ""; // the same file may be chosen again
    if (file) take(file);
  };
  addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    const image = files.find((file) => file.type.startsWith("image/")) ?? files[0];
    if (image) take(image);
    else if (!event.target.closest?.("input, textarea")) toast("The clipboard holds no image; copy a photo, then paste it here.");
  });

  let entered = 0; // elements that what is dragged is over
  const leave = () => { entered = 0; $("veil").hidden = true; };
  addEventListener("dragenter", (event) => { event.preventDefault(); entered += 1; $("veil").hidden = Boolean(busy()); });
  addEventListener("dragleave", () => { entered -= 1; if (entered <= 0) leave(); });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    leave();
    const file = event.dataTransfer.files[0];
    if (file) take(file);
    else toast(busy() ?? NO_PHOTO);
  });
  return choose;
}
