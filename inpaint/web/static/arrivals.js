// The ways in which a photo comes: chosen, pasted or dropped.

const $ = (id) => document.getElementById(id);

// Call ``open`` with the file whenever one comes while the page is ``ready`` for it. Returns what
// lets one choose.
export function arrivals({ ready, open }) {
  const take = (file) => { if (ready()) open(file); };
  const choose = () => { if (ready()) $("picker").click(); };
  $("choose").onclick = choose;
  $("open").onclick = choose;
  $("picker").onchange = (event) => {
    take(event.target.files[0]);
    event.target.value = ""; // the same file may be chosen again
  };
  addEventListener("paste", (event) => take([...event.clipboardData.files].find((f) => f.type.startsWith("image/"))));

  let entered = 0; // elements that the dragged file is over
  addEventListener("dragenter", (event) => { event.preventDefault(); entered += 1; $("veil").hidden = !ready(); });
  addEventListener("dragleave", () => { entered -= 1; if (entered <= 0) $("veil").hidden = true; });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    entered = 0;
    $("veil").hidden = true;
    take(event.dataTransfer.files[0]);
  });
  return choose;
}
