// The theme: light, dark, or as the system. Loaded before the first paint.
(() => {
  const THEMES = ["auto", "light", "dark"];
  const NAMES = { auto: "as the system", light: "light", dark: "dark" };
  const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => (THEMES.includes(localStorage.theme) ? localStorage.theme : "auto");

  function apply() {
    const theme = chosen() === "auto" ? (systemIsDark.matches ? "dark" : "light") : chosen();
    document.documentElement.dataset.bsTheme = theme;
    document.dispatchEvent(new CustomEvent("theme-changed"));
    for (const button of document.querySelectorAll("[data-theme-switch]")) show(button);
  }

  function show(button) {
    button.setAttribute("aria-label", `Theme: ${NAMES[chosen()]}`);
    for (const icon of button.querySelectorAll("[data-theme-icon]"))
      icon.hidden = icon.dataset.themeIcon !== chosen();
  }

  apply();
  systemIsDark.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", apply);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    localStorage.theme = THEMES[(THEMES.indexOf(chosen()) + 1) % THEMES.length];
    apply();
  });
})();
