// Groups of radio buttons that are made of buttons: one is in the order of Tab, arrow keys move
// within the group and choose, as they do in a native one.

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

export function roving(group) {
  group.addEventListener("keydown", (event) => {
    const all = [...group.querySelectorAll('[role="radio"]:not(:disabled)')];
    const at = all.indexOf(event.target);
    const step = STEPS[event.key];
    if (at < 0 || !(step || ["Home", "End"].includes(event.key))) return;
    event.preventDefault();
    event.stopPropagation(); // no shortcut of the page
    const next = step ? (at + step + all.length) % all.length : event.key === "Home" ? 0 : all.length - 1;
    all[next].focus();
    all[next].click();
  });
}

// Mark which one is chosen; Tab comes to that one.
export function choose(group, chosen) {
  for (const one of group.querySelectorAll('[role="radio"]')) {
    one.setAttribute("aria-checked", one === chosen);
    one.tabIndex = one === chosen ? 0 : -1;
  }
}
