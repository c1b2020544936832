// Shows a connection's state: readyState in words, how it closed, and when it will be tried again.

import { STATES } from "./connection.js";

/**
 * Keeps `#state` (a pill), `#closed` (a bar with how it closed and a countdown) and the bar's
 * button up to date.
 */
export function showState(connection) {
  const pill = document.getElementById("state");
  const bar = document.getElementById("closed");
  const [why, wait, retry] = bar.children;
  let ticking = 0;

  const showWait = () => {
    const seconds = Math.ceil((connection.retryAt - Date.now()) / 1000);
    if (connection.retryAt === null) wait.textContent = "reconnecting…";
    else wait.textContent = seconds > 0 ? `reconnecting in ${seconds} s` : "reconnecting…";
    retry.disabled = connection.retryAt === null;
  };

  const show = () => {
    const state = STATES[connection.readyState];
    pill.dataset.state = state;
    pill.textContent = state;
    bar.hidden = connection.closed === null;
    clearInterval(ticking);
    if (bar.hidden) return;
    // Only the words are announced by screen readers, not the countdown.
    if (why.textContent !== connection.closed) why.textContent = connection.closed;
    showWait();
    ticking = setInterval(showWait, 250);
  };

  retry.addEventListener("click", () => connection.retryNow());
  connection.addEventListener("state", show);
  show();
}
