// Fetches the page every five seconds and swaps what it shows. Keeps focus, scrolling and what is opened; stops while
// the page is hidden, something on it is selected, or a person has paused it. Without this script the page reloads.
"use strict";
(() => {
  const every = 5000;
  const pause = document.getElementById("pause");
  const news = document.getElementById("news");
  let paused = false;

  const state = (main) => ({
    open: [...main.querySelectorAll("details[open]")].map((one) => one.id),
    scrolled: [...main.querySelectorAll(".scroll")].map((one) => [one.id, one.scrollLeft]),
    focus: document.activeElement && main.contains(document.activeElement) ? path(main, document.activeElement) : null,
  });

  const path = (main, element) => {
    if (element === main) return [];
    const place = [];
    for (let at = element; at !== main; at = at.parentElement) {
      if (at.id) return [at.id, ...place];
      place.unshift([...at.parentElement.children].indexOf(at));
    }
    return place;
  };

  const found = (main, place) => {
    let at = main;
    for (const step of place) {
      at = typeof step === "string" ? document.getElementById(step) : at && at.children[step];
    }
    return at;
  };

  const swap = (fresh, title) => {
    const main = document.getElementById("main");
    const kept = state(main);
    const before = main.dataset.version;
    main.replaceChildren(...fresh.childNodes);
    main.dataset.version = fresh.dataset.version;
    document.title = title;
    for (const id of kept.open) {
      const one = document.getElementById(id);
      if (one) one.open = true;
    }
    for (const [id, left] of kept.scrolled) {
      const one = document.getElementById(id);
      if (one) one.scrollLeft = left;
    }
    if (kept.focus) {
      const one = found(main, kept.focus);
      if (one) one.focus({ preventScroll: true });
    }
    if (fresh.dataset.version !== before && fresh.dataset.version) {
      news.textContent = `Version ${fresh.dataset.version} is champion now.`;
    }
  };

  const selecting = () => {
    const selection = document.getSelection();
    return selection !== null && !selection.isCollapsed;
  };

  const look = async () => {
    if (paused || document.hidden || selecting()) return;
    try {
      const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(4000) });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("main");
      if (fresh && !paused && !selecting()) swap(fresh, page.title);
      if (news.dataset.lost) { news.textContent = ""; delete news.dataset.lost; news.className = "unseen"; }
    } catch {
      news.dataset.lost = "yes";
      news.className = "banner wants lost";
      news.textContent = "The server does not answer: what stands here is no longer of now.";
    }
  };

  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    if (!paused) look();
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  setInterval(look, every);
})();
