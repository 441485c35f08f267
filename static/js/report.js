// What a report needs besides its style sheet: names in the margins of its pages, a button
// that prints, and incidents in its charts.
(() => {
  const report = document.querySelector("[data-report-name]");
  for (const [property, text] of [["--report-name", report.dataset.reportName], ["--report-made", report.dataset.reportMade]])
    document.documentElement.style.setProperty(property, JSON.stringify(text.replaceAll(/\s+/g, " ")));

  const button = document.querySelector("[data-print]");
  button.hidden = false;
  button.addEventListener("click", () => print());

  if (!globalThis.Chart) return;
  // Paper shows more than screens do.
  Chart.defaults.devicePixelRatio = Math.max(3, devicePixelRatio);

  const marks = JSON.parse(document.getElementById("chart-marks")?.textContent ?? "[]");
  const BAND = { light: "rgb(0 0 0 / 10%)", dark: "rgb(255 255 255 / 14%)" };
  const STRIP = { light: "#5c3a00", dark: "#ffd9a0" };
  const NUMBER = { light: "#fff", dark: "#1f1300" };
  const STRIP_HEIGHT = 14;
  const NARROWEST = 3;
  const WIDE_ENOUGH_FOR_A_NUMBER = 14;
  if (marks.length) Chart.defaults.layout.padding = { top: STRIP_HEIGHT + 6 };

  // A strip above the columns, and a shade over them, as they may reach up to the top.
  function mark({ ctx, chartArea }, { number, begins, ends }, column, theme) {
    const left = chartArea.left + begins * column;
    const width = Math.max((ends - begins) * column, NARROWEST);
    const top = chartArea.top - STRIP_HEIGHT - 2;
    ctx.fillStyle = BAND[theme];
    ctx.fillRect(left, chartArea.top - 2, width, chartArea.height + 2);
    ctx.fillStyle = STRIP[theme];
    ctx.fillRect(left, top, width, STRIP_HEIGHT);
    const isWide = width >= WIDE_ENOUGH_FOR_A_NUMBER;
    ctx.textAlign = isWide ? "center" : "left";
    if (isWide) ctx.fillStyle = NUMBER[theme];
    ctx.fillText(number, isWide ? left + width / 2 : left + width + 2, top + STRIP_HEIGHT / 2);
  }

  Chart.register({
    id: "incidents",
    afterDatasetsDraw(chart) {
      if (chart.canvas.dataset.chart !== "chart-data" || !chart.data.labels.length) return;
      const theme = document.documentElement.dataset.bsTheme === "dark" ? "dark" : "light";
      const column = chart.chartArea.width / chart.data.labels.length;
      chart.ctx.save();
      chart.ctx.font = "600 11px Inter, sans-serif";
      chart.ctx.textBaseline = "middle";
      for (const each of marks) mark(chart, each, column, theme);
      chart.ctx.restore();
    },
  });
})();
