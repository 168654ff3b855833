// What opens over the page: settings, the menu, the list of keys, the size on small windows.

const $ = (id) => document.getElementById(id);

let opener = null; // what had the focus before the settings did

export function panel(open = $("settings").hidden) {
  const inside = $("settings").contains(document.activeElement);
  if (open && !inside) opener = document.activeElement;
  $("settings").hidden = !open;
  document.body.toggleAttribute("data-panel", open);
  $("settings-open").setAttribute("aria-expanded", open);
  if (open) $("settings-close").focus({ preventScroll: true });
  else if (inside) (opener?.isConnected && opener !== document.body ? opener : $("settings-open")).focus({ preventScroll: true });
}

function size(open = !document.body.hasAttribute("data-size")) {
  document.body.toggleAttribute("data-size", open);
  $("size-open").setAttribute("aria-expanded", open);
  if (open) $("size").focus();
}

export function help() { if (!$("shortcuts").open) $("shortcuts").showModal(); }

// Close the topmost of them; false when none is open. The menu and the list close by themselves.
export function closeTopmost() {
  if (document.body.hasAttribute("data-size")) {
    size(false);
    $("size-open").focus();
  } else if (!$("settings").hidden) panel(false);
  else return false;
  return true;
}

$("settings-open").onclick = () => panel();
$("settings-close").onclick = () => panel(false);
$("size-open").onclick = () => size();
$("canvas").addEventListener("pointerdown", () => size(false));
$("help").onclick = help;
$("shortcuts").onclick = (event) => { if (event.target === $("shortcuts")) $("shortcuts").close(); };
// What is chosen from the menu closes it.
$("menu").addEventListener("click", (event) => { if (event.target.closest("button")) $("menu").hidePopover(); });
$("menu").addEventListener("toggle", (event) => $("menu-open").setAttribute("aria-expanded", event.newState === "open"));
