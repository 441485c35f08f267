// What every page has: toasts, dialogs, forms that are sent once, the search key.
(() => {
  const TOAST_MILLISECONDS = 6000;

  // --- Toasts. Errors stay until they are closed.
  function showToast({ text, level }) {
    const toast = document.getElementById("toast-template").content.cloneNode(true).firstElementChild;
    toast.dataset.level = level;
    toast.querySelector("[data-toast-text]").textContent = text;
    document.getElementById("toasts").append(toast);
    fadeLater(toast);
  }

  function fadeLater(toast) {
    if (toast.dataset.level === "error") return;
    let timer = setTimeout(() => toast.remove(), TOAST_MILLISECONDS);
    toast.addEventListener("mouseenter", () => clearTimeout(timer));
    toast.addEventListener("mouseleave", () => {
      timer = setTimeout(() => toast.remove(), TOAST_MILLISECONDS);
    });
  }

  document.querySelectorAll("#toasts [data-toast]").forEach(fadeLater);
  document.addEventListener("toasts", (event) => event.detail.toasts.forEach(showToast));

  // --- Dialogs. The button that opened one may be replaced by a refresh meanwhile, so that
  // the browser cannot give the focus back to it: its successor has the same id.
  function openDialog(dialog, opener) {
    dialog.dataset.openedBy = opener?.id ?? "";
    dialog.showModal();
    dialog.querySelector("[autofocus]")?.focus();
  }

  document.addEventListener(
    "close", // does not bubble
    ({ target }) => {
      if (!target.matches("dialog")) return;
      const successor = document.getElementById(target.dataset.openedBy);
      (successor ?? document.getElementById("content")).focus();
    },
    true,
  );

  // What a dialog confirms ends in another page, which is read from its heading on.
  document.addEventListener("submit", (event) => {
    if (event.target.closest("dialog")) sessionStorage.focusHeading = "yes";
  });
  if (sessionStorage.focusHeading) {
    delete sessionStorage.focusHeading;
    const heading = document.querySelector("h1");
    heading.tabIndex = -1;
    heading.focus();
  }

  // --- Clicks: close a toast, open and close a dialog.
  document.addEventListener("click", (event) => {
    const closer = event.target.closest("[data-toast-close]");
    if (closer) closer.closest("[data-toast]").remove();
    const opener = event.target.closest("[data-opens-dialog]");
    if (opener) openDialog(document.getElementById(opener.dataset.opensDialog), opener);
    const leaver = event.target.closest("[data-closes-dialog]");
    const left = leaver?.closest("dialog");
    if (left) {
      // It may be a link, for the page that stands in where there is no dialog.
      event.preventDefault();
      left.close();
    }
    // A click beside the dialog lands on the dialog element itself.
    if (event.target.matches("dialog[open]")) event.target.close();
  });

  // A dialog whose inside has arrived opens.
  document.addEventListener("htmx:afterSwap", (event) => {
    const dialog = event.detail.target.closest?.("dialog");
    if (!dialog) return;
    // It stays where it shows what was filled in wrongly.
    delete sessionStorage.focusHeading;
    if (!dialog.open) openDialog(dialog, event.detail.requestConfig.elt);
  });

  // One whose wish failed makes way for the news.
  for (const name of ["htmx:responseError", "htmx:sendError"])
    document.addEventListener(name, ({ detail }) => {
      const dialog = detail.elt.closest?.("dialog");
      if (!dialog) return;
      delete sessionStorage.focusHeading;
      dialog.close();
      showToast({ text: "Couldn’t be done just now. Try again.", level: "error" });
    });

  // --- Forms that must not be sent twice.
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-once]")) return;
    if (event.target.dataset.sent) return event.preventDefault();
    event.target.dataset.sent = "yes";
    for (const button of event.target.querySelectorAll("button:not([type=button])"))
      button.classList.add("btn-loading");
  });

  // After Back, a page may come from the browser's memory with its forms as they were sent.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      form.querySelectorAll(".btn-loading").forEach((button) => button.classList.remove("btn-loading"));
    }
  });

  // --- Where what was filled in could not be saved, the way back to it; see kept.js.
  const wayBack = document.querySelector("[data-goes-back]");
  if (wayBack) {
    wayBack.hidden = !sessionStorage.sentForm;
    wayBack.addEventListener("click", () => history.back());
  }

  // --- "/" goes to the search field.
  document.addEventListener("keydown", (event) => {
    const search = document.querySelector("input[type=search]");
    const isTyping = event.target.closest("input, textarea, select, [contenteditable], dialog");
    if (event.key !== "/" || !search || isTyping) return;
    event.preventDefault();
    search.focus();
  });
})();
