// Keyboard shortcuts. The dialog "Keyboard" lists them.

const TOOLS = { b: "brush", e: "eraser", x: "box", h: "hand" };

export function listen(actions) {
  const plain = {
    "[": () => actions.resize(1 / 1.15),
    "]": () => actions.resize(1.15),
    s: actions.snap,
    m: actions.more,
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
  const withControl = { z: actions.undo, y: actions.redo, o: actions.open, s: actions.save };

  addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") return actions.escape();
    const field = event.target.closest?.("input:not([type=range]):not([type=checkbox]):not([type=radio]), select, textarea");
    if (field) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.ctrlKey || event.metaKey) {
      const action = key === "z" && event.shiftKey ? actions.redo : withControl[key];
      if (action) { event.preventDefault(); action(); }
      return;
    }
    if (event.altKey) return;
    if (event.target.closest?.("button, input, a, [role=slider]") && ["Enter", " "].includes(event.key)) return;
    if (event.key === " ") { event.preventDefault(); if (!event.repeat) actions.hold(true); return; }
    if (event.key === "Enter") return actions.fill();
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      if (event.target.type === "range" || event.target.type === "radio") return;
      if (actions.split(event.key === "ArrowLeft" ? -0.02 : 0.02)) event.preventDefault();
      return;
    }
    if (/^[1-9]$/.test(key)) return actions.choose(Number(key) - 1);
    if (TOOLS[key]) return actions.tool(TOOLS[key]);
    plain[key]?.();
  });

  addEventListener("keyup", (event) => { if (event.key === " ") actions.hold(false); });
  addEventListener("blur", () => actions.hold(false));
}
