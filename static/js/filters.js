// The builder of filters: rows and groups come and go; a row's ops follow its field, and the
// control for its value follows both.
(() => {
  const builder = document.getElementById("builder");
  if (!builder) return;
  const vocabulary = JSON.parse(document.getElementById("vocabulary").textContent);
  const PREFIX = "attributes.";
  const LONGEST_QUERY = 2000;
  const copyOf = (selector) => document.querySelector(selector).content.cloneNode(true).firstElementChild;
  const opsOf = (field) => vocabulary[field.startsWith(PREFIX) ? PREFIX : field] ?? [];

  function showOps(row) {
    const select = row.querySelector("[name=op]");
    const before = "chosen" in select.dataset ? select.value : "";
    const ops = opsOf(row.querySelector("[name=field]").value);
    select.replaceChildren(...ops.map(({ op, words }) => new Option(words, op)));
    select.value = ops.some(({ op }) => op === before) ? before : ops[0]?.op;
  }

  function showValue(row) {
    const field = row.querySelector("[name=field]").value;
    const op = row.querySelector("[name=op]").value;
    const kind = opsOf(field).find((known) => known.op === op)?.kind ?? "text";
    const place = row.querySelector("[data-value]");
    const before = place.querySelector("[name=value]").value;
    place.replaceChildren(document.querySelector(`template[data-kind=${kind}]`).content.cloneNode(true));
    const control = place.querySelector("[name=value]");
    // What is typed is kept where it can be.
    if (control.tagName === "INPUT" && kind !== "none") control.value = before;
  }

  // Before htmx hears of it and collects the values.
  builder.addEventListener(
    "change",
    ({ target }) => {
      const row = target.closest("[data-row]");
      if (!row) return;
      // An op that nobody chose does not stay when the field becomes another: typing "Attr"
      // passes by "Added", and would keep its "is before".
      if (target.name === "op") target.dataset.chosen = "";
      if (target.name === "field") showOps(row);
      if (target.name === "field" || target.name === "op") showValue(row);
    },
    true,
  );

  function addRow(group) {
    const row = copyOf("template#row");
    row.querySelector("[name=row_group]").value = group.querySelector("[name=group]")?.value ?? "top";
    showOps(row);
    group.querySelector("[data-rows]").append(row);
    unhide(row);
    row.querySelector("[name=field]").focus();
  }

  function addGroup() {
    const group = copyOf("template#group");
    const keys = [...builder.querySelectorAll("[name=group]")].map(({ value }) => Number(value));
    group.querySelector("[name=group]").value = Math.max(0, ...keys) + 1;
    document.getElementById("groups").append(group);
    unhide(group);
    addRow(group);
  }

  function removeRow(row) {
    const group = row.closest("[data-group]");
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    const isLeft = group.querySelector("[data-row]") || group.querySelector("[name=join]");
    if (!isLeft) group.remove();
    const place = next ?? (isLeft ? group : builder);
    (place.querySelector("[name=field]") ?? builder.querySelector("[data-add-row]")).focus();
    builder.dispatchEvent(new Event("change"));
  }

  // Which rows cannot be read is known with the count; those left blank are not among them.
  // Whoever is still writing is not interrupted.
  function showProblems() {
    const answer = document.getElementById("row-problems");
    const problems = answer ? JSON.parse(answer.textContent) : [];
    const controls = (row) => ["field", "value"].map((name) => row.querySelector(`[name=${name}]`));
    const rows = [...builder.querySelectorAll("[data-row]")];
    const filled = rows.filter((row) => controls(row).some(({ value }) => value));
    for (const row of rows) {
      const words = row.querySelector("[data-problem]");
      const [, control] = controls(row);
      const problem = problems[filled.indexOf(row)] ?? "";
      if (problem && !words.textContent && control === document.activeElement) continue;
      words.textContent = problem;
      row.setAttribute("aria-label", problem ? `Condition: ${problem}` : "Condition");
      for (const each of controls(row)) each.removeAttribute("aria-invalid");
      control.classList.toggle("is-invalid", problem !== "");
      if (problem) control.setAttribute("aria-invalid", "true");
    }
  }
  document.addEventListener("htmx:afterSettle", ({ detail }) => {
    if (detail.target.id === "filter-count") showProblems();
  });

  // A pasted list of phones is longer than an address may be.
  builder.addEventListener("htmx:configRequest", ({ detail }) => {
    if (new URLSearchParams(detail.formData).toString().length <= LONGEST_QUERY) return;
    detail.verb = "post";
    detail.useUrlParams = false;
    detail.headers["Content-Type"] = "application/x-www-form-urlencoded";
  });

  function unhide(part) {
    for (const button of part.querySelectorAll("button[hidden]")) button.hidden = false;
  }

  builder.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (!button) return;
    if (button.id === "add-group") addGroup();
    if ("addRow" in button.dataset) addRow(button.closest("[data-group]"));
    if ("removeRow" in button.dataset) removeRow(button.closest("[data-row]"));
  });
  // After Back, a browser fills the controls in as they were left.
  for (const row of builder.querySelectorAll("[data-row]")) {
    if (row.querySelector("[name=field]").value) row.querySelector("[name=op]").dataset.chosen = "";
    else showOps(row);
  }
  unhide(builder);
})();
