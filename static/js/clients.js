// Lists whose rows can be ticked, and forms with rows to add.
(() => {
  const boxes = () => [...document.querySelectorAll("input.tick")];
  const scope = (value) => document.querySelector(`#bulk input[name=scope][value=${value}]`);

  function showTicked() {
    const bulk = document.getElementById("bulk");
    if (!bulk) return;
    const ticked = boxes().filter((box) => box.checked).length;
    bulk.querySelector("[data-ticked]").textContent = ticked ? `(${ticked})` : "";
    const all = bulk.querySelector("[data-tick-all]");
    all.hidden = false;
    all.firstElementChild.checked = ticked > 0 && ticked === boxes().length;
    all.firstElementChild.indeterminate = ticked > 0 && ticked < boxes().length;
  }

  document.addEventListener("change", ({ target }) => {
    const isAll = target.closest("[data-tick-all]");
    if (isAll) for (const box of boxes()) box.checked = target.checked;
    if (!isAll && !target.matches("input.tick")) return;
    // Whoever ticks rows means those.
    scope("ticked").checked = true;
    showTicked();
  });
  document.addEventListener("htmx:afterSettle", showTicked);

  // The list was searched anew. The search field stands outside: it follows a chip taken off.
  // What takes it off goes with it, so that the focus would be lost.
  document.addEventListener("htmx:afterSettle", ({ detail }) => {
    const search = document.getElementById("search");
    if (detail.target.id !== "clients") return;
    if (search !== document.activeElement)
      search.value = new URLSearchParams(location.search).get("q") ?? "";
    if (!detail.requestConfig.elt.closest(".chip, #clear-search")) return;
    (document.querySelector(".chip") ?? document.getElementById("client-count")).focus();
  });
  addEventListener("pageshow", showTicked);

  const rows = document.getElementById("attribute-rows");
  const adder = document.getElementById("add-attribute");
  if (!adder) return;
  adder.hidden = false;
  adder.addEventListener("click", () => {
    rows.append(document.getElementById("attribute-row").content.cloneNode(true));
    rows.lastElementChild.querySelector("input").focus();
  });
})();
