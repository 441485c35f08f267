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
  // What fits between the margins of A4 and of Letter.
  const PAPER = { width: 640, height: 230 };
  const ROW_HEIGHT = 26;
  const charts = new Map();
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
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

  function optionsOf({ kind }) {
    const { text, grid } = palette();
    const isRanking = kind === "ranking";
    const names = {
      stacked: true, grid: { display: false },
      ticks: { color: text, maxRotation: 0, autoSkip: !isRanking, autoSkipPadding: 16, callback: shortened },
    };
    const numbers = {
      stacked: true, beginAtZero: true, grid: { color: grid }, border: { display: false },
      ticks: { precision: 0, color: text, callback: (value) => value.toLocaleString("en") },
    };
    return {
      animation: false,
      maintainAspectRatio: false,
      indexAxis: isRanking ? "y" : "x",
      interaction: { mode: "index", axis: isRanking ? "y" : "x", intersect: false },
      scales: isRanking ? { x: numbers, y: names } : { x: names, y: numbers },
      plugins: { legend: { position: "bottom", labels: { color: text, boxWidth: 12, boxHeight: 12 } } },
    };
  }

  function shortened(value) {
    const label = this.getLabelForValue(value);
    return label.length > 24 ? `${label.slice(0, 23)}…` : label;
  }

  // What happened at some of the labels: a band behind the bars.
  const marks = {
    id: "marks",
    beforeDatasetsDraw(chart) {
      const { ctx, chartArea, scales, data } = chart;
      const marked = read(chart.canvas.dataset.chart)?.marks ?? {};
      ctx.save();
      ctx.globalAlpha = 0.18;
      ctx.fillStyle = palette().red;
      const step = chartArea.width / Math.max(data.labels.length, 1);
      data.labels.forEach((label, at) => {
        if (!(label in marked)) return;
        ctx.fillRect(scales.x.getPixelForValue(at) - step / 2, chartArea.top, step, chartArea.height);
      });
      ctx.restore();
    },
  };

  function draw(canvas) {
    const numbers = read(canvas.dataset.chart);
    if (!numbers) return;
    const card = canvas.closest("[data-chart-card]");
    if (card) card.hidden = numbers.labels.length === 0;
    if (card?.hidden) return;
    canvas.setAttribute("aria-label", numbers.described);
    if (numbers.kind === "ranking")
      canvas.parentElement.style.height = `${Math.max(4, numbers.labels.length) * ROW_HEIGHT + 70}px`;
    const chart = charts.get(canvas);
    if (!chart) {
      const made = { type: "bar", data: dataOf(numbers), options: optionsOf(numbers), plugins: [marks] };
      charts.set(canvas, new Chart(canvas, made));
      return;
    }
    chart.data = dataOf(numbers);
    chart.options = optionsOf(numbers);
    chart.update("none");
    fillTable(canvas, numbers);
  }

  // The same numbers for those who read rather than look.
  function fillTable(canvas, { labels, sets, firstHead }) {
    const table = canvas.closest(".card-body").querySelector("[data-chart-table]");
    const cell = (name, text, attributes = {}) => Object.assign(document.createElement(name), { textContent: text, ...attributes });
    const head = document.createElement("tr");
    head.append(cell("th", firstHead, { scope: "col" }));
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

  // A chart that a swap brought is drawn, one that it took away forgotten.
  function drawAll() {
    for (const [canvas, chart] of charts)
      if (!canvas.isConnected) {
        chart.destroy();
        charts.delete(canvas);
      }
    document.querySelectorAll("canvas[data-chart]").forEach(draw);
  }
  drawAll();
  document.addEventListener("htmx:afterSettle", drawAll);
  document.addEventListener("theme-changed", drawAll);

  // --- Files: what the table says, and what the canvas shows.
  function save(content, name) {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(content), download: name });
    link.click();
    URL.revokeObjectURL(link.href);
  }

  // Spreadsheets run what begins like a formula.
  const safe = (text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
  const quoted = (text) => `"${safe(text).replaceAll('"', '""')}"`;

  function csvOf({ labels, sets, firstHead }) {
    const rows = [[firstHead, ...sets.map((set) => set.label)].map(quoted)];
    labels.forEach((label, at) => rows.push([quoted(label), ...sets.map((set) => set.numbers[at])]));
    return new Blob([`\ufeff${rows.map((row) => row.join(",")).join("\r\n")}\r\n`], { type: "text/csv" });
  }

  function pictureOf(canvas) {
    const picture = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
    const context = picture.getContext("2d");
    context.fillStyle = getComputedStyle(canvas.closest(".card, .report") ?? document.body).backgroundColor;
    context.fillRect(0, 0, picture.width, picture.height);
    context.drawImage(canvas, 0, 0);
    return picture;
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-chart-file]");
    if (!button) return;
    const canvas = button.closest(".card-body").querySelector("canvas[data-chart]");
    const numbers = read(canvas.dataset.chart);
    const name = numbers.sentence.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, "-");
    if (button.dataset.chartFile === "csv") return save(csvOf(numbers), `${name}.csv`);
    pictureOf(canvas).toBlob((picture) => save(picture, `${name}.png`));
  });

  // --- On paper: light, in the page's width, with the table open.
  let before;
  addEventListener("beforeprint", () => {
    const closed = [...document.querySelectorAll("details:not([open])")];
    before = { theme: document.documentElement.dataset.bsTheme, closed };
    document.documentElement.dataset.bsTheme = "light";
    closed.forEach((details) => (details.open = true));
    drawAll();
    for (const [canvas, chart] of charts) {
      const height = parseFloat(canvas.parentElement.style.height) || PAPER.height;
      chart.resize(PAPER.width, height);
    }
  });
  addEventListener("afterprint", () => {
    document.documentElement.dataset.bsTheme = before.theme;
    before.closed.forEach((details) => (details.open = false));
    drawAll();
    for (const chart of charts.values()) chart.resize();
  });
})();
