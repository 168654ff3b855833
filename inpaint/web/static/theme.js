// Light or dark: as the system says until one chooses, then as chosen, kept in this browser.

const STORE = "inpaint-theme";

const theme = {
  set(value) {
    document.documentElement.dataset.theme = value;
    try { localStorage.setItem(STORE, value); } catch { /* no store */ }
  },
  get dark() {
    const set = document.documentElement.dataset.theme;
    return set ? set === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  },
};
try {
  const kept = localStorage.getItem(STORE);
  if (kept) theme.set(kept);
} catch { /* no store */ }
document.getElementById("theme").onclick = () => theme.set(theme.dark ? "light" : "dark");
