// Importing a file: choosing and uploading it, and the names of attributes.
(() => {
  const part = (name) => document.querySelector(`[data-${name}]`);
  const form = () => part("upload");

  // --- A file that is dropped is as one that was chosen. It may miss the zone: it would
  // open in place of the page.
  for (const name of ["dragenter", "dragover", "dragleave", "drop"])
    document.addEventListener(name, (event) => {
      const zone = part("drop-zone");
      if (!zone || !event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      const isWithin = name === "dragleave" ? event.relatedTarget !== null : name !== "drop";
      zone.classList.toggle("is-over", isWithin);
      if (name === "drop" && !part("upload-start").disabled) take(event.dataTransfer.files);
    });

  function take(files) {
    if (files.length !== 1) return showProblem("Drop one file at a time.");
    const input = form().querySelector("input[type=file]");
    input.files = files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // --- What is wrong with the file is said before it is sent.
  function problemOf(input) {
    const [file] = input.files;
    if (!file) return "Choose a file first.";
    if (file.size <= Number(form().dataset.mostBytes)) return "";
    const size = Math.ceil(file.size / 1048576).toLocaleString("en");
    return `The file has ${size} MB; at most ${form().dataset.mostWords} are imported: split it into several files.`;
  }

  function showProblem(problem) {
    const input = form().querySelector("input[type=file]");
    part("file-problem").textContent = problem;
    input.classList.toggle("is-invalid", problem !== "");
    input.setAttribute("aria-invalid", String(problem !== ""));
    input.setAttribute("aria-describedby", part("file-problem").id);
    if (problem) input.focus();
  }

  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-upload] input[type=file]")) showProblem(problemOf(target));
  });

  // --- The upload and how far it is.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!event.detail.elt.matches("[data-upload]")) return;
    const problem = problemOf(form().querySelector("input[type=file]"));
    showProblem(problem);
    if (problem) return event.preventDefault();
    showProgress(true);
  });

  function showProgress(isShown) {
    part("upload-progress").hidden = !isShown;
    part("upload-start").disabled = isShown;
    if (isShown) part("upload-stop").focus();
  }

  document.addEventListener("htmx:xhr:progress", ({ detail, target }) => {
    if (!target.matches?.("[data-upload]") || !detail.lengthComputable) return;
    const percent = Math.floor((detail.loaded / detail.total) * 100);
    part("upload-progress").querySelector("progress").value = percent;
    part("upload-words").textContent = percent < 100 ? `${percent} % uploaded` : "Looking at the file…";
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-upload-stop]")) htmx.trigger(form(), "htmx:abort");
  });

  const FAILURES = {
    "htmx:xhr:abort": "",
    "htmx:sendError": "The file couldn’t be sent. If you have changed it since, choose it again; else look at your connection and try again.",
    "htmx:timeout": "The file couldn’t be sent in time. Try again.",
    "htmx:responseError": "The file couldn’t be taken just now. Try again.",
  };
  for (const [name, words] of Object.entries(FAILURES))
    document.addEventListener(name, ({ target }) => {
      if (!target.matches?.("[data-upload]")) return;
      showProgress(false);
      showProblem(words);
      if (!words) part("upload-start").focus();
    });

  // --- A column that holds an attribute has a name for it.
  document.addEventListener("change", ({ target }) => {
    if (!target.matches("[data-holds]")) return;
    target.closest("th").querySelector("[data-attribute]").hidden = target.value !== "attribute";
  });

  const words = part("drop-words");
  if (words) words.hidden = false;
})();
