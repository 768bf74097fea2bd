/* Selects that act at once. With a mouse or an open list, the choice is final. In a closed
   list, arrows and letters only step through the options: Enter or leaving chooses. */

const STEPS = new Set(["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown"]);

const types = (event) => event.key.length === 1 && event.key !== " ";

function steps(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return false;
  return STEPS.has(event.key) || types(event);
}

/* Call ``act`` with a select that fits the selector once an option is chosen; ``until``
   returns the part of the page within which the keyboard may still go on. */
export function onChoice(root, selector, act, until = (field) => field) {
  let stepping = null;
  let waiting = null;

  function settle() {
    const field = waiting;
    waiting = null;
    act(field);
  }

  root.addEventListener("pointerdown", () => (stepping = null), true);
  root.addEventListener("keydown", (event) => {
    if (!event.target.matches(selector)) return;
    stepping = steps(event) ? event.target : null;
    if (event.key !== "Enter" || waiting !== event.target) return;
    event.preventDefault();
    settle();
  }, true);
  root.addEventListener("change", (event) => {
    if (!event.target.matches(selector)) return;
    waiting = event.target;
    if (stepping !== event.target) settle();
  });
  root.addEventListener("focusout", (event) => {
    if (waiting && !until(waiting).contains(event.relatedTarget)) settle();
  });
}
