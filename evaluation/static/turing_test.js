import {
  bindButton,
  bindKeys,
  byId,
  element,
  fault,
  receive,
  send,
  setProgress,
} from "/pages/page.js";

// A tab has one reader; another tab may have another.
let reader = sessionStorage.getItem("reader");
let total = 0;
let answers = {}; // By position, as stored: {real, tumor}.
let position = 0;
let given = {}; // To the image on the screen, stored or not.
let storing = false;
let shownAt = null; // When the clock began to run; null while it stands.
let looked = 0; // Milliseconds before that.

function show(name) {
  for (const part of ["start", "reading", "end"]) byId(part).hidden = part !== name;
}

async function start() {
  const state = await receive("/readers");
  total = state.total;
  byId("total").textContent = total;
  byId("readers").replaceChildren(
    ...Object.entries(state.readers).map(([name, answered]) => {
      const button = element("button", { type: "button" });
      button.append(`Continue as ${name} (${answered} of ${total})`);
      bindButton(button, () => enter(name));
      return button;
    })
  );
  show("start");
  byId("name").focus();
}

async function enter(name) {
  const state = await receive(`/answers?reader=${encodeURIComponent(name)}`);
  fault("");
  reader = name;
  sessionStorage.setItem("reader", name);
  total = state.total;
  answers = state.answers;
  byId("reader").textContent = name;
  toOpen(0);
}

/** To the first image from a position on that has no answer, or to the end. */
function toOpen(from) {
  const positions = [...Array(total).keys()];
  const open = positions.filter((n) => !answers[n]);
  if (open.length) turnTo(open.find((n) => n >= from) ?? open[0]);
  else finish();
}

/** Says that all is stored: nothing on the page does before, not even hidden. */
function finish() {
  position = total;
  stopClock();
  byId("thanks").textContent = `Thank you. All ${total} images are answered.`;
  byId("done").textContent = "Your answers are stored; you can close this page.";
  show("end");
}

function turnTo(number) {
  stopClock();
  looked = 0;
  position = number;
  given = { ...answers[position] };
  show("reading");
  byId("reading").classList.add("loading");
  byId("image").src = `/images/${position}.png?reader=${encodeURIComponent(reader)}`;
  draw();
}

function draw() {
  for (const [id, question, value] of [
    ["real", "real", true],
    ["synthetic", "real", false],
    ["tumor", "tumor", true],
    ["non_tumor", "tumor", false],
  ]) {
    byId(id).setAttribute("aria-pressed", given[question] === value);
  }
  setProgress(Object.keys(answers).length, total);
  byId("count").textContent = `Image ${position + 1} of ${total}`;
  byId("back").disabled = position === 0;
  byId("forward").disabled = !answers[position];
}

function startClock() {
  const isSeen = !document.hidden && !byId("image").hidden;
  if (shownAt === null && isSeen && !isPaused()) shownAt = performance.now();
}

function stopClock() {
  if (shownAt !== null) looked += performance.now() - shownAt;
  shownAt = null;
}

function isPaused() {
  return byId("reading").classList.contains("paused");
}

function canAnswer() {
  const { classList, hidden } = byId("reading");
  return !hidden && !storing && !isPaused() && !classList.contains("loading");
}

/** Both answers make one; a first one turns the page, a change stays on it. */
async function answer(question, value) {
  if (!canAnswer()) return;
  given[question] = value;
  draw();
  if (given.real === undefined || given.tumor === undefined) return;
  const { real, tumor } = given;
  const isChange = Boolean(answers[position]);
  if (isChange && answers[position].real === real && answers[position].tumor === tumor) return;
  stopClock();
  storing = true;
  const seconds = looked / 1000;
  const stored = await send("/answers", { reader, position, real, tumor, seconds });
  storing = false;
  looked = 0;
  if (stored) answers[position] = { real, tumor };
  if (stored && !isChange) toOpen(position + 1);
  else startClock();
  draw();
}

function back() {
  if (storing || isPaused() || !byId("start").hidden || position === 0) return;
  turnTo(position - 1);
}

/** Past an answered image; unanswered ones are not skipped. */
function forward() {
  if (!canAnswer() || !answers[position]) return;
  if (position + 1 < total) turnTo(position + 1);
  else toOpen(total);
}

function pause() {
  if (byId("reading").hidden) return;
  byId("reading").classList.toggle("paused");
  byId("resume").hidden = !isPaused();
  if (isPaused()) stopClock();
  else if (!byId("reading").classList.contains("loading")) startClock();
}

byId("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  enter(byId("name").value.trim().replace(/\s+/g, " ")).catch(() => {});
});
byId("image").addEventListener("load", () => {
  byId("reading").classList.remove("loading");
  startClock();
});
byId("image").addEventListener("error", () =>
  fault("The image cannot be shown. Start the program again and open its new address.")
);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) stopClock();
  else if (canAnswer()) startClock();
});

const actions = {
  r: ["real", () => answer("real", true)],
  s: ["synthetic", () => answer("real", false)],
  t: ["tumor", () => answer("tumor", true)],
  n: ["non_tumor", () => answer("tumor", false)],
  p: ["pause", pause],
  ArrowLeft: ["back", back],
  ArrowRight: ["forward", forward],
};
for (const [id, action] of Object.values(actions)) bindButton(byId(id), action);
bindButton(byId("resume"), pause);
bindButton(byId("review"), back);
bindKeys({
  ...Object.fromEntries(Object.entries(actions).map(([key, [, act]]) => [key, act])),
  Enter: forward,
});

await (reader ? enter(reader).catch(start) : start());
