// Light or dark: as the system has it, until somebody chooses. Runs before the
// page is drawn.
"use strict";
{
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    document.documentElement.dataset.theme =
        localStorage.getItem("theme") || (dark.matches ? "dark" : "light");
  };
  dark.addEventListener("change", apply);
  addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").onclick = () => {
      const is = document.documentElement.dataset.theme;
      localStorage.setItem("theme", is === "dark" ? "light" : "dark");
      apply();
    };
  });
  apply();
}
