// What was filled in is not lost where it could not be saved, as the log-in had expired or the
// database was away. A form with data-kept is remembered as it is sent, in this tab alone. Pages
// of errors and of the log-in do not know it; the first other page forgets it, and where that is
// the form again, come back to empty, offers to send it once more.
(() => {
  const sent = JSON.parse(sessionStorage.sentForm ?? "null");
  delete sessionStorage.sentForm;
  const form = document.querySelector("form[data-kept]");
  if (!form) return;
  const address = location.pathname + location.search;

  function remember(fields) {
    sessionStorage.sentForm = JSON.stringify({ address, fields });
  }

  document.addEventListener("submit", ({ target, submitter }) => {
    if (target !== form) return;
    const fields = [...new FormData(form, submitter)];
    remember(fields.filter(([name, value]) => name !== "csrfmiddlewaretoken" && typeof value === "string"));
  });

  function sendAgain() {
    const again = document.createElement("form");
    again.method = "post";
    const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
    for (const [name, value] of [["csrfmiddlewaretoken", token], ...sent.fields]) {
      const input = document.createElement("textarea"); // whose line ends stay
      Object.assign(input, { name, value, hidden: true });
      again.append(input);
    }
    document.body.append(again);
    remember(sent.fields);
    again.submit();
  }

  const isBackFromSignIn = document.referrer.startsWith(`${location.origin}/sign-in/`);
  const [{ type }] = performance.getEntriesByType("navigation");
  if (sent?.address !== address || (type === "navigate" && !isBackFromSignIn)) return;
  const offer = form.querySelector("[data-kept-offer]");
  offer.hidden = false;
  offer.querySelector("[data-send-again]").addEventListener("click", sendAgain);
  offer.querySelector("[data-forget]").addEventListener("click", () => offer.remove());
})();
