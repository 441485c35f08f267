"use strict";

const byId = (id) => document.getElementById(id);
const count = new Intl.NumberFormat("en");
const SHOWN_MESSAGES = 20;
const REFUSE_SECONDS = 10;
const HISTORY_SECONDS = 60;
const CALM = "Answering normally";

let faultWords = null;
let settings = { faults: {}, latency: null };
let shownMessages = "";
let refusedUntil = 0;

async function ask(path, content) {
  const options = content === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
  };
  const reply = await fetch(path, options);
  const answer = await reply.json();
  if (!reply.ok) throw new Error(answer.error);
  return answer;
}

async function change(content, path = "/control") {
  const failure = byId("failure");
  try {
    show(await ask(path, content));
    failure.hidden = true;
    return true;
  } catch (error) {
    failure.textContent = error instanceof TypeError ? "The gateway cannot be reached." : error.message;
    failure.hidden = false;
    return false;
  }
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function setText(id, text) {
  const target = byId(id);
  if (target.textContent !== text) target.textContent = text;
}

// Only a change of state is announced, not each second of a countdown.
function setState(mood, words, announced = words) {
  byId("state").dataset.mood = mood;
  setText("state", words);
  setText("announcement", announced);
  document.title = mood === "good" ? "Sandbox gateway" : `${words} · Sandbox gateway`;
}

function percent(share) {
  return `${(share * 100).toLocaleString("en", { maximumFractionDigits: 2 })} %`;
}

function latencyWords(latency) {
  if (latency.kind === "fixed") return `replies wait ${latency.seconds} s`;
  if (latency.kind === "uniform") return `replies wait ${latency.low} to ${latency.high} s`;
  return `replies wait ${latency.median} s, some ${latency.p99} s and more`;
}

function timing(condition) {
  if (condition.after_seconds) return `from ${Math.ceil(condition.after_seconds)} s on`;
  if (condition.for_seconds) return `${Math.ceil(condition.for_seconds)} s left`;
  return "";
}

function withDetails(words, details) {
  const told = details.filter(Boolean).join(", ");
  return told ? `${words} (${told})` : words;
}

function conditionWords(now, timed) {
  const words = Object.entries(now.faults)
    .filter(([, fault]) => fault.rate > 0)
    .map(([name, fault]) => withDetails(faultWords[name], [fault.rate < 1 && percent(fault.rate), timed(fault)]));
  if (now.latency) words.push(withDetails(latencyWords(now.latency), [timed(now.latency)]));
  const sentence = words.join(" · ") || CALM;
  return sentence[0].toUpperCase() + sentence.slice(1);
}

function show(state) {
  settings = state.settings;
  refusedUntil = 0;
  const announced = conditionWords(settings, () => "");
  const calm = announced === CALM;
  setState(calm ? "good" : "bad", conditionWords(settings, timing), announced);
  showNumbers(state);
  showButtons();
  showReplies(state.counts.replies);
  showMessages(state.recent);
}

function showNumbers({ counts, per_second: perSecond }) {
  for (const name of ["total", "accepted", "refused", "duplicates"]) {
    setText(name, count.format(counts[name]));
  }
  setText("accepted-share", counts.total ? `${percent(counts.accepted / counts.total)} of all` : "taken by the gateway");
  setText("rate", count.format(perSecond.at(-1)));
  showHistory(perSecond);
}

function showHistory(perSecond) {
  const highest = Math.max(...perSecond, 1);
  const earlier = new Array(HISTORY_SECONDS - perSecond.length).fill(0);
  const bars = [...earlier, ...perSecond].map((number, place) => {
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const height = number ? Math.max(1.5, (number / highest) * 24) : 0.75;
    bar.setAttribute("x", place * 2);
    bar.setAttribute("y", 24 - height);
    bar.setAttribute("width", 1.4);
    bar.setAttribute("height", height);
    return bar;
  });
  byId("history").replaceChildren(...bars);
}

function isOn(button) {
  if (button.dataset.latency) {
    const latency = settings.latency;
    return latency?.kind === "fixed" && latency.seconds === Number(button.dataset.latency);
  }
  return settings.faults[button.dataset.fault]?.rate === 1;
}

function showButtons() {
  for (const button of document.querySelectorAll("[data-fault], [data-latency]")) {
    button.setAttribute("aria-pressed", String(isOn(button)));
  }
}

function replyWords(name) {
  if (name === "ok") return "answers 200 and code 0";
  return faultWords?.[name] ?? "the request broke the contract";
}

function showReplies(replies) {
  const rows = Object.entries(replies).sort((one, other) => other[1] - one[1]).map(([name, number]) => {
    const row = element("tr");
    row.append(element("td", "", name), element("td", "", replyWords(name)), element("td", "number", count.format(number)));
    return row;
  });
  byId("no-replies").hidden = rows.length > 0;
  byId("reply-rows").replaceChildren(...rows);
}

function showMessages(recent) {
  const messages = recent.slice(0, SHOWN_MESSAGES);
  const fingerprint = JSON.stringify(messages);
  if (fingerprint === shownMessages) return;
  shownMessages = fingerprint;
  byId("no-messages").hidden = messages.length > 0;
  byId("messages").replaceChildren(...messages.map(messageItem));
}

function messageItem(message) {
  const item = element("li", message.accepted ? "" : "refused");
  const to = element("p", "to");
  const at = new Date(message.at * 1000).toLocaleTimeString("en-GB");
  to.append(element("span", "", message.phone ? `+${message.phone}` : "number unreadable"), element("span", "", at));
  item.append(to, element("p", "words", message.text ?? "text unreadable"));
  if (message.reply !== "ok") {
    item.append(element("p", "fate", `${message.accepted ? "Taken" : "Not taken"}: ${message.reply}`));
  }
  return item;
}

function showUnreachable() {
  const seconds = Math.ceil((refusedUntil - Date.now()) / 1000);
  if (seconds > 0) setState("bad", `Refusing connections, ${seconds} s left`, "Refusing connections");
  else setState("bad", "The gateway cannot be reached");
}

async function loadFaults() {
  faultWords = await ask("/control/faults");
  byId("any-name").replaceChildren(...Object.entries(faultWords).map(([name, words]) => {
    const option = element("option", "", `${name}: ${words}`);
    option.value = name;
    return option;
  }));
}

async function refresh() {
  setText("clock", new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" }));
  if (document.hidden) return;
  try {
    if (!faultWords) await loadFaults();
    show(await ask("/control"));
  } catch {
    showUnreachable();
  }
}

function listen() {
  for (const button of document.querySelectorAll("[data-fault]")) {
    button.addEventListener("click", () => change({ faults: isOn(button) ? {} : { [button.dataset.fault]: 1 } }));
  }
  for (const button of document.querySelectorAll("[data-latency]")) {
    button.addEventListener("click", () => change({ latency: isOn(button) ? null : Number(button.dataset.latency) }));
  }
  byId("normal").addEventListener("click", () => change({}, "/control/reset"));
  byId("refuse").addEventListener("click", async () => {
    if (!await change({ refuse_seconds: REFUSE_SECONDS })) return;
    refusedUntil = Date.now() + REFUSE_SECONDS * 1000;
    showUnreachable();
  });
  byId("any").addEventListener("submit", (event) => {
    event.preventDefault();
    const seconds = byId("any-seconds").value;
    const rate = Number(byId("any-rate").value);
    change({ faults: { [byId("any-name").value]: rate }, ...(seconds && { for_seconds: Number(seconds) }) });
  });
}

async function start() {
  byId("example").textContent =
    `curl ${location.origin}/control -H 'Content-Type: application/json' \\\n` +
    `  -d '{"faults": {"500": 0.1, "garbage": 0.05}, "latency": 0.2, "for_seconds": 30}'`;
  listen();
  await refresh();
  setInterval(refresh, 1000);
}

start();
