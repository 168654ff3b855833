// Keyboard shortcuts. The dialog "Keyboard" lists them.

const TOOLS = { b: "brush", e: "eraser", x: "box", h: "hand" };
const PRESSED = ["Enter", " "]; // what presses a button that has the focus

export function listen(actions) {
  const plain = {
    "[": () => actions.resize(1 / 1.15),
    "]": () => actions.resize(1.15),
    s: actions.snap,
    l: actions.lift,
    m: actions.more,
    r: actions.again,
    c: actions.compare,
    Delete: actions.clear,
    Backspace: actions.clear,
    "+": () => actions.zoom(1.25),
    "=": () => actions.zoom(1.25),
    "-": () => actions.zoom(1 / 1.25),
    0: actions.fit,
    ",": actions.settings,
    "?": actions.help,
  };
  const withControl = { z: actions.undo, y: actions.redo, o: actions.open, s: actions.save, c: actions.copy };

  addEventListener("keydown", (event) => {
    // A dialog and a menu close by themselves, and keys that they do not know are not the page's.
    if (document.querySelector("dialog[open], [popover]:popover-open")) return;
    if (event.key === "Escape") return actions.escape();
    const field = event.target.closest?.("input:not([type=range]):not([type=checkbox]):not([type=radio]), select, textarea");
    if (field) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.ctrlKey || event.metaKey) {
      if (key === "c" && String(getSelection())) return; // text is copied as text
      const action = key === "z" && event.shiftKey ? actions.redo : withControl[key];
      if (action) { event.preventDefault(); action(); }
      return;
    }
    if (event.altKey) return;
    if (event.target.closest?.("button, input, a, [role=slider]") && PRESSED.includes(event.key)) return;
    if (event.key === " ") { event.preventDefault(); if (!event.repeat) actions.hold(true); return; }
    if (key === "o") { if (!event.repeat) actions.peek(true); return; }
    if (event.key === "Enter") return actions.fill();
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      if (["range", "radio"].includes(event.target.type)) return;
      if (actions.split(event.key === "ArrowLeft" ? -0.02 : 0.02)) event.preventDefault();
      return;
    }
    if (/^[1-9]$/.test(key)) return actions.choose(Number(key) - 1);
    if (TOOLS[key]) return actions.tool(TOOLS[key]);
    plain[key]?.();
  });

  const release = () => { actions.hold(false); actions.peek(false); };
  addEventListener("keyup", (event) => {
    if (event.key === " ") actions.hold(false);
    if (event.key.toLowerCase() === "o") actions.peek(false);
  });
  addEventListener("blur", release);
}
