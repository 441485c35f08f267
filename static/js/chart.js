// Draws the numbers of a json_script and redraws in place when a refresh brings new ones.
(() => {
  // Chart.js cannot read the style sheet's colours.
  const COLOURS = {
    light: {
      green: "#1b7a34", red: "#b62324", yellow: "#b07500", purple: "#8028a8", orange: "#c2570c",
      azure: "#0b63b0", blue: "#1d4ed8", secondary: "#8a8a8a", text: "#525252", grid: "#e5e5e5",
    },
    dark: {
      green: "#4ade80", red: "#ff8b8b", yellow: "#facc15", purple: "#dfa2f7", orange: "#fdba74",
      azure: "#7cc4ff", blue: "#93b4ff", secondary: "#9a9a9a", text: "#c4c4c4", grid: "#3a3a3a",
    },
  };
  const charts = new Map();
  const palette = () => COLOURS[document.documentElement.dataset.bsTheme] ?? COLOURS.light;

  const read = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "null");

  function dataOf({ labels, sets }) {
    const colours = palette();
    return {
      labels,
      datasets: sets.map(({ label, colour, numbers }) => ({
        label, data: numbers, backgroundColor: colours[colour], maxBarThickness: 40, borderRadius: 2,
      })),
    };
  }

  function optionsOf() {
    const { text, grid } = palette();
    const count = { precision: 0, color: text, callback: (value) => value.toLocaleString("en") };
    return {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      scales: {
        x: { stacked: true, grid: { display: false }, ticks: { color: text, maxRotation: 0, autoSkipPadding: 16 } },
        y: { stacked: true, beginAtZero: true, grid: { color: grid }, border: { display: false }, ticks: count },
      },
      plugins: { legend: { position: "bottom", labels: { color: text, boxWidth: 12, boxHeight: 12 } } },
    };
  }

  function draw(canvas) {
    const numbers = read(canvas.dataset.chart);
    if (!numbers) return;
    const card = canvas.closest("[data-chart-card]");
    if (card) card.hidden = numbers.labels.length === 0;
    if (card?.hidden) return;
    const chart = charts.get(canvas);
    if (!chart) {
      charts.set(canvas, new Chart(canvas, { type: "bar", data: dataOf(numbers), options: optionsOf() }));
      return;
    }
    chart.data = dataOf(numbers);
    chart.options = optionsOf();
    chart.update("none");
    fillTable(canvas, numbers);
  }

  // The same numbers for those who read rather than look.
  function fillTable(canvas, { labels, sets }) {
    const table = canvas.closest(".card-body").querySelector("[data-chart-table]");
    const cell = (name, text, attributes = {}) => Object.assign(document.createElement(name), { textContent: text, ...attributes });
    const head = document.createElement("tr");
    head.append(cell("th", "Time", { scope: "col" }));
    for (const set of sets) head.append(cell("th", set.label, { scope: "col", className: "text-end" }));
    const rows = labels.map((label, index) => {
      const row = document.createElement("tr");
      row.append(cell("th", label, { scope: "row" }));
      for (const set of sets) row.append(cell("td", set.numbers[index].toLocaleString("en"), { className: "text-end" }));
      return row;
    });
    table.tHead.replaceChildren(head);
    table.tBodies[0].replaceChildren(...rows);
  }

  const drawAll = () => document.querySelectorAll("canvas[data-chart]").forEach(draw);
  drawAll();
  document.addEventListener("htmx:afterSettle", drawAll);
  document.addEventListener("theme-changed", drawAll);

  // On paper: light, in the page's width, with the table open.
  let themeBefore;
  addEventListener("beforeprint", () => {
    themeBefore = document.documentElement.dataset.bsTheme;
    document.documentElement.dataset.bsTheme = "light";
    document.querySelectorAll("details").forEach((details) => (details.open = true));
    drawAll();
    for (const chart of charts.values()) chart.resize(640, 260);
  });
  addEventListener("afterprint", () => {
    document.documentElement.dataset.bsTheme = themeBefore;
    drawAll();
    for (const chart of charts.values()) chart.resize();
  });
})();
