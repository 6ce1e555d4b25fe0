import { bindButton, bindKeys, byId, element, fault, receive, send } from "/pages/page.js";

const SVG = "http://www.w3.org/2000/svg";
const questions = byId("tumor") ? ["real", "tumor"] : ["real"];
const words = {
  real: { true: "real", false: "synthetic" },
  tumor: { true: "tumor", false: "no tumor" },
};
// By button: its question and the answer that it gives.
const buttons = { real: ["real", true], synthetic: ["real", false] };
if (byId("tumor")) Object.assign(buttons, { tumor: ["tumor", true], non_tumor: ["tumor", false] });

let reader = sessionStorage.getItem("reader in training");
let number = 0; // Of the image on the screen in the reader's series.
let total = 0; // 0: without end.
let given = {};
let storing = false;
let isTold = false; // Whether the truth about this image is on the screen.

async function start() {
  const { readers } = await receive("/readers");
  byId("readers").replaceChildren(
    ...Object.entries(readers).map(([name, count]) => {
      const button = element("button", { type: "button" });
      button.append(`Continue as ${name} (${count})`);
      bindButton(button, () => enter(name).catch(() => {}));
      return button;
    })
  );
  byId("training").hidden = true;
  byId("start").hidden = false;
  byId("name").focus();
}

async function enter(name) {
  const state = await receive(`/answers?reader=${encodeURIComponent(name)}`);
  fault("");
  reader = name;
  sessionStorage.setItem("reader in training", name);
  byId("reader").textContent = name;
  total = state.total;
  byId("start").hidden = true;
  byId("training").hidden = false;
  showScores(state.scores);
  show(state.replied);
}

/** Shows an image of the series without a word on it, or that there are no more. */
function show(next) {
  number = next;
  given = {};
  isTold = false;
  const isDone = total > 0 && number >= total;
  byId("image").hidden = isDone;
  byId("done").hidden = !isDone;
  byId("done").textContent = `All ${total} images are answered and stored.`;
  byId("count").textContent = isDone ? "" : `Image ${number + 1}${total ? ` of ${total}` : ""}`;
  byId("truth").textContent = "";
  byId("truth").className = "";
  if (!isDone) {
    byId("reading").classList.add("loading");
    byId("image").src = `/images/${number}.png?reader=${encodeURIComponent(reader)}`;
  }
  draw();
}

function draw() {
  for (const [id, [question, value]] of Object.entries(buttons)) {
    byId(id).setAttribute("aria-pressed", given[question] === value);
    byId(id).disabled = isTold || byId("image").hidden;
  }
  byId("next").disabled = !isTold;
}

async function answer(question, value) {
  const { classList } = byId("reading");
  if (isTold || storing || byId("image").hidden || classList.contains("loading")) return;
  given[question] = value;
  draw();
  if (questions.some((name) => given[name] === undefined)) return;
  storing = true;
  const { real, tumor = null } = given;
  const reply = await send("/answers", { reader, number, real, tumor });
  storing = false;
  if (reply) tell(reply);
}

function tell({ truth, source, scores }) {
  isTold = true;
  const isRight = questions.every((name) => truth[name] === given[name]);
  const origin = truth.real ? "Real" : `Synthetic (${source})`;
  byId("truth").className = isRight ? "right" : "wrong";
  byId("truth").textContent = [
    `${origin}, ${words.tumor[truth.tumor]}.`,
    ...questions.map((name) => {
      const verdict = truth[name] === given[name] ? "right" : "wrong";
      return `You said ${words[name][given[name]]}: ${verdict}.`;
    }),
  ].join(" ");
  showScores(scores);
  draw();
}

function next() {
  if (isTold) show(number + 1);
}

function showScores({ rows, moving }) {
  byId("classes").hidden = !rows.length;
  byId("rows").replaceChildren(
    ...rows.map((row) =>
      element(
        "tr",
        {},
        element("td", {}, row.name.replace("non_tumor", "no tumor")),
        ...questions.map((name) => {
          const { right, images, value, low, high } = row[name];
          const [share, from, to] = [value, low, high].map((x) => Math.round(100 * x));
          const interval = element("small", {}, `${right} of ${images} [${from}, ${to}]`);
          return element("td", {}, `${share} %`, interval);
        })
      )
    )
  );
  drawLine(moving);
}

/** The moving accuracy over the replies, from the first to the last. */
function drawLine(moving) {
  const [left, right, top, bottom] = [40, 312, 8, 128];
  const count = moving.real.length;
  const x = (n) => left + ((right - left) * n) / Math.max(count - 1, 1);
  const y = (value) => bottom - (bottom - top) * value;
  const parts = [0, 0.5, 1].flatMap((value) => [
    shape("line", { class: value === 0.5 ? "guess" : "grid", x1: left, x2: right, y1: y(value), y2: y(value) }),
    shape("text", { x: 0, y: y(value) + 4 }, `${100 * value} %`),
  ]);
  if (count) parts.push(shape("text", { x: left, y: 146 }, "1"));
  if (count > 1) parts.push(shape("text", { x: right, y: 146, "text-anchor": "end" }, count));
  for (const name of questions) {
    const points = moving[name].map((value, n) => `${x(n).toFixed(1)},${y(value).toFixed(1)}`);
    parts.push(shape("polyline", { class: name, points: points.join(" ") }));
  }
  byId("line").replaceChildren(...parts);
}

function shape(tag, attributes, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(text);
  return made;
}

byId("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  enter(byId("name").value.trim().replace(/\s+/g, " ")).catch(() => {});
});
byId("image").addEventListener("load", () => byId("reading").classList.remove("loading"));
byId("image").addEventListener("error", () =>
  fault("The image cannot be shown. Start the program again and open its new address.")
);

const keys = { real: "r", synthetic: "s", tumor: "t", non_tumor: "n" };
const actions = { ArrowRight: next, Enter: next, " ": next };
for (const [id, [question, value]] of Object.entries(buttons)) {
  actions[keys[id]] = () => answer(question, value);
  bindButton(byId(id), actions[keys[id]]);
}
bindButton(byId("next"), next);
bindKeys(actions);

await (reader ? enter(reader).catch(start) : start());
