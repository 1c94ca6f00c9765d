// The theme before the first paint: dark, light, or the system's. A classic script, so that it runs at once.
{
  const kept = localStorage.getItem("theme");
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
}
