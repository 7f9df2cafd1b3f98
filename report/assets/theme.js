// Before anything is drawn: the theme chosen last time, if any.
try {
  const chosen = localStorage.getItem("vigil-theme");
  if (chosen === "dark" || chosen === "light") {
    document.documentElement.dataset.theme = chosen;
  }
} catch (error) {
  // A browser that keeps nothing for files: the system's theme it is.
}
