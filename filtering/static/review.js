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

const FILTERS = ["All", "Undecided", "Decided"];
const TILES = [120, 180, 260, 380, 520];

const state = await receive("/state");
const sides = new Map(state.choices.map((choice) => [choice.value, choice]));
const done = []; // What can be undone: {scope, item, before}, the latest last.
let filter = 0;
let tile = state.scope === "slice" ? 3 : 1; // Small tumors want large images.
let totals = state.totals;

/** Things to decide about; those that are open, and those behind them. */
class Board {
  constructor(scope, title, items) {
    this.scope = scope;
    this.title = title;
    this.parent = null; // The item whose members these are.
    this.total = items.length;
    this.items = [];
    this.index = 0;
    this.scroll = 0;
    this.add(items);
  }

  add(items) {
    for (const item of items) {
      item.card = makeCard(item);
      item.card.addEventListener("click", () => goTo(this.items.indexOf(item)));
      this.items.push(item);
    }
  }

  get current() {
    return this.items[this.index];
  }

  decision(item) {
    return item.decision ?? this.parent?.decision ?? null;
  }

  isShown(item) {
    if (filter === 0) return true;
    return (this.decision(item) !== null) === (filter === 2);
  }
}

function makeCard(item) {
  const [width, height] = item.size ?? [];
  item.stored = item.decision; // The one shown may be on its way.
  item.verdict = element("span", { className: "verdict" });
  item.facts.push(...(item.proposal ? [`proposal: ${item.proposal}`] : []));
  const picture = element("img", { src: item.picture, loading: "lazy", alt: "" });
  if (width) Object.assign(picture, { width, height });
  return element(
    "section",
    { className: "item", tabIndex: -1, title: item.title },
    element(
      "div",
      { className: "facts" },
      element("h2", { textContent: item.title }),
      ...item.facts.map((text) => element("span", { className: "quiet", textContent: text })),
      item.verdict
    ),
    picture
  );
}

const root = new Board(state.scope, state.title, state.items);
let board = root;

function drawItem(item, of = board) {
  const decision = of.decision(item);
  const choice = sides.get(decision);
  item.card.className = "item";
  if (choice) item.card.classList.add(choice.side);
  item.card.classList.toggle("inherited", decision !== null && item.decision === null);
  item.card.classList.toggle("storing", Boolean(item.storing));
  item.card.classList.toggle("current", of === board && item === board.current);
  item.card.hidden = !of.isShown(item);
  const marks = Object.entries(item.marks ?? {}).map(
    ([value, count]) => `${count} image${count === 1 ? "" : "s"}: ${value}`
  );
  const words = choice ? [`${choice.sign} ${choice.label}`] : [];
  item.verdict.textContent = [
    item.storing ? "storing …" : words.join(),
    ...(marks.length ? [`(${marks.join(", ")})`] : []),
  ].join(" ");
}

/** All that is not on a card. */
function drawBars() {
  // Those that are stored: what is on its way may yet be lost.
  const decided = root.items.filter((item) => item.stored !== null).length;
  setProgress(decided, root.items.length);
  byId("count").textContent = `${decided} of ${root.items.length} decided`;
  const counted = totals.keep + totals.discard;
  byId("share").textContent = counted
    ? `${((100 * totals.keep) / counted).toFixed(1)} % of images kept`
    : "";
  byId("share").hidden = totals.keep === undefined;
  byId("title").textContent = board.title;
  byId("shown").textContent = FILTERS[filter];
  byId("back").hidden = board === root;
  byId("open").hidden = !board.current?.members;
  byId("smaller_larger").hidden = board === root && state.scope === "cluster";
  byId("more").hidden = board.items.length === board.total;
  byId("more").textContent = `Show more (${board.items.length} of ${board.total})`;
  byId("current").textContent = board.current?.title ?? "";
  byId("undo").disabled = done.length === 0;
  byId("empty").hidden = board.items.some((item) => board.isShown(item));
  const value = board.current ? board.decision(board.current) : null;
  for (const choice of state.choices) {
    byId(choice.value).setAttribute("aria-pressed", choice.value === value);
  }
}

function draw() {
  board.items.forEach((item) => drawItem(item));
  drawBars();
}

function show(next) {
  board.scroll = window.scrollY;
  board = next;
  byId("board").className = board.scope === "cluster" ? "cards" : "tiles";
  byId("board").replaceChildren(...board.items.map((item) => item.card));
  draw();
  window.scrollTo(0, board.scroll);
}

function goTo(index) {
  const before = board.current;
  board.index = index;
  if (before) drawItem(before);
  drawItem(board.current);
  board.current.card.focus({ preventScroll: true });
  board.current.card.scrollIntoView({ block: "nearest" });
  drawBars();
}

/** Moves by a number of shown items; more of them are fetched at the end. */
async function move(step) {
  const shown = board.items.map((_, n) => n).filter((n) => board.isShown(board.items[n]));
  if (!shown.length) return;
  const from = shown.indexOf(board.index);
  // A current item that the filter has hidden counts as before the one behind it.
  const next = shown.findIndex((n) => n > board.index);
  const target = from < 0 ? (next < 0 ? shown.length - 1 : next) : from + step;
  if (target >= shown.length && board.items.length < board.total) await more();
  if (shown[target] !== undefined) goTo(shown[target]);
}

function columns() {
  const style = getComputedStyle(byId("board")).gridTemplateColumns;
  return style.split(" ").length;
}

/** To the next thing without a decision, if there is one behind. */
function goToNextOpen() {
  const open = (item, n) => n > board.index && item.decision === null;
  const index = board.items.findIndex(open);
  if (index >= 0) goTo(index);
  else drawBars();
}

async function store(scope, item, decision) {
  item.decision = decision;
  item.storing = (item.storing ?? 0) + 1;
  redraw(item);
  const answer = await send("/decisions", { scope, key: item.key, decision });
  item.storing -= 1;
  if (answer) {
    item.stored = decision;
    totals = answer.totals;
    if (item.parent) {
      item.parent.marks = answer.marks;
      redraw(item.parent);
    }
  } else {
    item.decision = item.stored;
  }
  redraw(item);
}

/** An item may have left the screen since its decision was sent. */
function redraw(item) {
  if (board.items.includes(item)) drawItem(item);
  drawBars();
}

function decide(value) {
  const item = board.current;
  if (!item || item.card.hidden || item.decision === value) return;
  done.push({ board, item, before: item.decision });
  store(board.scope, item, value);
  if (board.scope !== "image") goToNextOpen();
}

function undo() {
  const last = done.pop();
  if (!last) return;
  const { board: of, item, before } = last;
  if (of !== board) show(of);
  store(of.scope, item, before);
  goTo(of.items.indexOf(item));
}

async function open() {
  const cluster = board.current;
  if (!cluster?.members) return;
  if (!cluster.board) {
    const { items, total } = await receive(`/members/${cluster.key}?start=0`);
    items.forEach((item) => (item.parent = cluster));
    cluster.board = new Board("image", `${cluster.title}: single images`, items);
    Object.assign(cluster.board, { parent: cluster, total });
  }
  show(cluster.board);
  goTo(board.index);
}

async function more() {
  const of = board;
  if (of.items.length === of.total || of.isLoading) return;
  of.isLoading = true;
  const { items } = await receive(`/members/${of.parent.key}?start=${of.items.length}`);
  of.isLoading = false;
  items.forEach((item) => (item.parent = of.parent));
  of.add(items);
  if (of === board) {
    byId("board").append(...items.map((item) => item.card));
    draw();
  }
}

function back() {
  if (board === root) return;
  show(root);
  goTo(root.index);
}

function changeFilter() {
  filter = (filter + 1) % FILTERS.length;
  draw();
  if (board.current?.card.hidden) move(0);
}

function resize(step) {
  tile = Math.min(Math.max(tile + step, 0), TILES.length - 1);
  document.documentElement.style.setProperty("--tile", `${TILES[tile]}px`);
  board.current?.card.scrollIntoView({ block: "nearest" });
}

for (const choice of state.choices) {
  const button = element("button", { id: choice.value, className: choice.side });
  button.append(element("kbd", { textContent: choice.key.toUpperCase() }), choice.label);
  bindButton(button, () => decide(choice.value));
  byId("choices").append(button);
}
for (const [id, action] of Object.entries({
  open,
  undo,
  more,
  back,
  filter: changeFilter,
  smaller: () => resize(-1),
  larger: () => resize(1),
})) {
  bindButton(byId(id), action);
}
bindKeys({
  ...Object.fromEntries(state.choices.map(({ key, value }) => [key, () => decide(value)])),
  o: open,
  Enter: open,
  u: undo,
  f: changeFilter,
  Escape: back,
  "-": () => resize(-1),
  "+": () => resize(1),
  "=": () => resize(1),
  ArrowLeft: () => move(-1),
  ArrowRight: () => move(1),
  ArrowUp: () => move(-columns()),
  ArrowDown: () => move(columns()),
});

if (state.reference) {
  byId("reference").hidden = false;
  byId("reference_sheet").src = "/reference.png";
}
document.title = state.title;
resize(0);
show(root);
const first = root.items.findIndex((item) => item.decision === null);
if (root.items.length) goTo(Math.max(first, 0));
