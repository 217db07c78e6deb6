// Keeps a page as it is now: regions are replaced by what the server made of them, and
// lines are added to what happens. Without it, the page shows when it was made.
(() => {
  "use strict";
  const body = document.body;
  const say = (id, text) => {
    const e = document.getElementById(id);
    if (e && e.textContent !== text) e.textContent = text;
  };

  // A second click on a button sends nothing. (If it did, it would be done once.)
  document.addEventListener("submit", (e) => {
    const b = e.target.querySelector("button[aria-disabled]");
    if (b) return e.preventDefault();
    if (e.target.method === "post") e.target.querySelector("button").setAttribute("aria-disabled", "true");
  });
  addEventListener("pageshow", () => {
    for (const b of document.querySelectorAll("button[aria-disabled]")) b.removeAttribute("aria-disabled");
  });

  // Times go on.
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const ago = (s) => {
    for (const [name, long] of units) {
      const n = Math.floor(s / long);
      if (n > 0) return n + " " + name + (n > 1 ? "s" : "") + " ago";
    }
    return "just now";
  };
  const times = () => {
    for (const t of document.querySelectorAll("time")) {
      const text = ago((Date.now() - Date.parse(t.dateTime)) / 1000);
      if (t.textContent !== text) t.textContent = text;
    }
  };
  setInterval(times, 10000);

  if (!body.dataset.events || !window.EventSource) return;
  const url = new URL(body.dataset.events, location.href);

  // Who stands on a link in a region that changes stays on it.
  const replace = (id, html) => {
    const e = document.getElementById(id);
    if (!e) return;
    const at = e.contains(document.activeElement) ? document.activeElement.id : "";
    const open = [...e.querySelectorAll("details")].map((d) => d.open);
    e.innerHTML = html; // the server escaped all text of others
    e.querySelectorAll("details").forEach((d, i) => { d.open = !!open[i]; });
    if (at) document.getElementById(at)?.focus({ preventScroll: true });
    const why = e.querySelector("[data-spoken]");
    if (why) say("spoken", why.dataset.spoken);
  };

  const add = (html) => {
    const e = document.getElementById("said");
    if (!e) return;
    e.insertAdjacentHTML("afterbegin", html); // the newest first
    while (e.children.length > 500) e.lastElementChild.remove();
  };

  // The server was started again with other pages: get the new ones, but not in circles.
  const renew = (build) => {
    const last = Number(sessionStorage.getItem("renewed") || 0);
    if (build === body.dataset.build || Date.now() - last < 60000) return;
    sessionStorage.setItem("renewed", Date.now());
    location.reload();
  };

  let source, timer, wait = 1000;
  const close = () => {
    clearTimeout(timer);
    if (source) source.close();
    source = undefined;
  };
  const open = () => {
    close();
    source = new EventSource(url);
    const on = (kind, f) => source.addEventListener(kind, (e) => f(JSON.parse(e.data)));
    on("hello", (build) => { wait = 1000; say("link", ""); renew(build); });
    on("region", (r) => replace(r.id, r.html));
    on("lines", (l) => { url.searchParams.set("after", l.seq); add(l.html); });
    source.onerror = () => { // also when the server ended it, or somebody has to log in again
      close();
      say("link", "Not connected: this page does not change by itself now. It tries again.");
      timer = setTimeout(open, wait);
      wait = Math.min(wait * 2, 60000);
    };
  };
  // A tab that nobody sees needs no connection: browsers have six for each server.
  document.addEventListener("visibilitychange", () => document.hidden ? close() : open());
  if (!document.hidden) open();
})();
