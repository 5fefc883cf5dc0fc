// Sets the chosen theme before the first paint; without a choice the style sheet follows the system.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is refused: follow the system.
}
