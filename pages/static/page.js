// What the local pages share: elements, requests, keys.

/** Makes an element; text is always text, never markup. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export function byId(id) {
  return document.getElementById(id);
}

/** Says in large letters what went wrong, until something goes well again. */
export function fault(message) {
  byId("fault").textContent = message;
  byId("fault").hidden = !message;
}

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error(
      "The program does not answer. Start it again and open its new address;" +
        " everything that was shown as stored is there."
    );
  }
  const content = await response.json();
  if (!response.ok) throw new Error(content.error);
  return content;
}

/** Fetches JSON; shows the fault if there is one, and throws it. */
export async function receive(path) {
  try {
    return await request(path);
  } catch (error) {
    fault(error.message);
    throw error;
  }
}

let last = Promise.resolve();

/**
 * Sends JSON, one request after the other in the order of the calls.
 *
 * Resolves to the answer, or to null where it was not stored; then nothing that was
 * sent behind it is, either, until the page is reloaded: a decision that depends on
 * a lost one must not survive it.
 */
export function send(path, content) {
  last = last.then(async (before) => {
    if (before === null) return null;
    try {
      return await request(path, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(content),
      });
    } catch (error) {
      fault(`Not stored. ${error.message}`);
      return null;
    }
  });
  return last;
}

/**
 * Binds keys: {k: action, ArrowDown: action}; letters in either case.
 *
 * A key that is held down repeats its action only if it is an arrow: nobody decides
 * thirty times a second. Keys typed into a field stay there.
 */
export function bindKeys(actions) {
  document.addEventListener("keydown", (event) => {
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const typing = event.target.matches("input, select, textarea");
    const pressing = name === "Enter" && event.target.matches("button, a");
    if (event.ctrlKey || event.metaKey || event.altKey || typing || pressing) return;
    if (!Object.hasOwn(actions, name)) return;
    event.preventDefault();
    if (!event.repeat || name.startsWith("Arrow")) actions[name]();
  });
}

/** Buttons act on a tap and leave the focus, and so the keys, where it was. */
export function bindButton(button, action) {
  button.addEventListener("click", () => {
    action();
    button.blur();
  });
}

export function setProgress(done, total) {
  const bar = byId("progress");
  bar.max = total;
  bar.value = done;
}
