// Parts of a page that refresh: failures, hidden tabs, and what is said aloud.
(() => {
  const notice = () => document.getElementById("refresh-failed");
  let failed = null;

  // --- A failed refresh keeps what is shown and offers another try.
  function fail(event) {
    const { elt, requestConfig } = event.detail;
    if (!requestConfig || (requestConfig.verb !== "get" && !elt.matches("[data-look]"))) return;
    failed = { elt, path: requestConfig.path, target: event.detail.target };
    notice().hidden = false;
  }

  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"])
    document.addEventListener(name, fail);

  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful) notice().hidden = true;
  });

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-retry]") || !failed) return;
    const { elt, path, target } = failed;
    if (elt.isConnected && elt.matches("[data-live]")) htmx.trigger(elt, "refresh");
    else if (elt.isConnected && elt.matches("[data-look]")) htmx.trigger(elt, "change");
    else htmx.ajax("GET", path, { target, source: elt.isConnected ? elt : target });
  });

  // --- Nobody looks at a hidden tab: it asks nothing, and catches up when it is seen.
  const isPaused = () => document.hidden || sessionStorage.liveUpdates === "off";

  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, requestConfig } = event.detail;
    if (!elt.matches("[data-live]") || !isPaused()) return;
    if (requestConfig.triggeringEvent?.type !== "refresh") event.preventDefault();
  });

  const refreshAll = () =>
    document.querySelectorAll("[data-live]").forEach((part) => htmx.trigger(part, "refresh"));

  document.addEventListener("visibilitychange", () => {
    if (!isPaused()) refreshAll();
  });

  // --- The switch that stops live updates.
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-live-switch]")) return;
    sessionStorage.liveUpdates = event.target.checked ? "on" : "off";
    if (event.target.checked) refreshAll();
  });
  for (const box of document.querySelectorAll("[data-live-switch]"))
    box.checked = sessionStorage.liveUpdates !== "off";

  // --- Numbers change in silence; a change of state is announced.
  const states = new Map();
  function announce() {
    for (const part of document.querySelectorAll("[data-announce]")) {
      const said = states.get(part.id);
      states.set(part.id, part.dataset.announce);
      if (said !== undefined && said !== part.dataset.announce)
        document.getElementById("announcer").textContent = part.dataset.announce;
    }
  }
  announce();
  document.addEventListener("htmx:afterSettle", announce);

  // --- Addresses carry only the fields that hold something.
  document.addEventListener("htmx:configRequest", (event) => {
    if (!event.target.closest("[data-tidy-address]")) return;
    for (const [name, value] of [...event.detail.formData.entries()])
      if (value === "") event.detail.formData.delete(name);
  });
})();
