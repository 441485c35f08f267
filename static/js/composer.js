// The composer: characters counted, the text shown as on a phone, the start's time when needed.
(() => {
  const text = document.querySelector("[data-message-text]");
  const count = document.getElementById("text-count");
  const phone = document.getElementById("phone-text");
  const operatorsCount = document.getElementById("operators-count");
  const startTime = document.getElementById("start-time-field");
  const shown = (number) => number.toLocaleString("en");

  function showText() {
    // By code points, so that an emoji is one character.
    const length = [...text.value].length;
    const longest = Number(text.dataset.longest);
    const tooMany = length - longest;
    count.textContent = `${shown(length)} of ${shown(longest)} characters`;
    if (tooMany > 0) count.textContent += `: ${shown(tooMany)} too many`;
    count.classList.toggle("is-over", tooMany > 0);
    phone.textContent = text.value;
  }

  function showStart() {
    const chosen = document.querySelector("input[name=start]:checked");
    startTime.hidden = chosen?.value !== "later";
  }

  // Writing at the end goes on in sight.
  function followWriting() {
    showText();
    const screen = phone.parentElement;
    if (text.selectionEnd === text.value.length) screen.scrollTop = screen.scrollHeight;
  }

  function showOperators() {
    if (!operatorsCount) return;
    const all = document.querySelectorAll("input[name=operators]");
    const chosen = [...all].filter((box) => box.checked);
    operatorsCount.textContent = chosen.length
      ? `${shown(chosen.length)} of ${shown(all.length)} chosen`
      : "None chosen: clients of any operator";
  }

  text.addEventListener("input", followWriting);
  document.addEventListener("change", showStart);
  document.addEventListener("change", showOperators);
  showText();
  showOperators();
  showStart();
})();
