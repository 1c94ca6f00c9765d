// The front page: where clients point, and whether this proxy can serve.

for (const place of document.querySelectorAll("[data-base]")) {
  place.textContent = location.origin + place.dataset.base;
}

const state = document.querySelector("#state");
try {
  const answer = await fetch("/readyz");
  const { status, database } = await answer.json();
  state.textContent = answer.ok ? "It can serve and bill." : `It is ${status}: the database is ${database}.`;
  state.dataset.ok = answer.ok;
} catch {
  state.textContent = "It does not answer.";
}
