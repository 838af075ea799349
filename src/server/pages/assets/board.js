// The little that a script adds: pages that follow what happens, logs that grow, moments that stay right.
"use strict";

// Moments: how far they are from now, as the server says it.
function distance(then, now) {
  const far = Math.abs(then - now), minute = 60e3, hour = 3600e3, day = 864e5;
  if (far < 45e3) return then > now ? "in a moment" : "just now";
  let span;
  if (far < hour) span = Math.floor((far + minute / 2) / minute) + " min";
  else if (far < day) span = Math.floor((far + hour / 2) / hour) + " h";
  else if (far < 30 * day) { const n = Math.floor((far + day / 2) / day); span = n === 1 ? "1 day" : n + " days"; }
  else return null;
  return then > now ? "in " + span : span + " ago";
}

function moments() {
  for (const time of document.querySelectorAll("time:not(.exact)")) {
    const text = distance(Date.parse(time.dateTime), Date.now());
    if (text && time.textContent !== text) time.textContent = text;
  }
}

// Parts: the page is asked for again, and the parts of it that differ are replaced, piece by piece, so that what somebody
// has opened, selected or typed into stays.
const isBusy = (node) => node.hasAttribute("data-keep") && node.contains(document.activeElement) &&
  document.activeElement.matches("input, textarea");

function morph(old, fresh) {
  if (old.isEqualNode(fresh) || isBusy(old)) return;
  if (old.nodeName !== fresh.nodeName || old.id !== fresh.id) { old.replaceWith(document.importNode(fresh, true)); return; }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !(name === "open" && old.nodeName === "DETAILS")) old.setAttribute(name, value);
  }
  if (!old.firstElementChild && !fresh.firstElementChild) {
    if (old.textContent !== fresh.textContent) old.textContent = fresh.textContent;
    return;
  }
  const before = [...old.childNodes], after = [...fresh.childNodes];
  for (let i = 0; i < Math.max(before.length, after.length); i++) {
    if (!after[i]) before[i].remove();
    else if (!before[i]) old.append(document.importNode(after[i], true));
    else if (before[i].nodeType === Node.ELEMENT_NODE && after[i].nodeType === Node.ELEMENT_NODE) morph(before[i], after[i]);
    else if (!before[i].isEqualNode(after[i])) before[i].replaceWith(document.importNode(after[i], true));
  }
}

let asking = false, again = false;
async function refresh() {
  if (asking) { again = true; return; }
  asking = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" }, credentials: "same-origin" });
    if (answer.ok && !answer.redirected) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-part]")) {
        const fresh = page.getElementById(part.id);
        if (fresh) morph(part, fresh);
      }
      document.title = page.title;
      moments();
    }
  } catch { /* the stream says when it is back */ }
  asking = false;
  if (again) { again = false; setTimeout(refresh, 300); }
}

// Streams: one for a page that somebody looks at, and none for one that was left or is behind others. A browser has few
// connections to a server, and pages that it keeps to go back to would hold theirs until none is left for the next page.
function whileSeen(open) {
  let stream = null;
  const close = () => { if (stream) stream.close(); stream = null; };
  const settle = () => { if (document.hidden) close(); else if (!stream) stream = open(); };
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) settle(); });
  document.addEventListener("visibilitychange", settle);
  settle();
}

function follow(address) {
  const sign = document.getElementById("live");
  const show = (is) => { if (sign) { sign.hidden = false; sign.classList.toggle("off", !is); sign.textContent = is ? "live" : "not connected"; } };
  let first = true;
  whileSeen(() => {
    const stream = new EventSource(address);
    stream.onopen = () => { show(true); if (!first) refresh(); first = false; };
    stream.onerror = () => show(false);
    stream.addEventListener("change", refresh);
    return stream;
  });
  // The title of a page behind others says what waits; it is asked for now and then.
  setInterval(() => { if (document.hidden) refresh(); }, 60e3);
}

// Logs: lines that come are added; who has scrolled away from the end stays where they are.
function followLog(list) {
  const frame = list.closest(".log");
  const atEnd = () => frame.scrollHeight - frame.scrollTop - frame.clientHeight < 40;
  const most = 20000;
  let ended = false;
  function add(event) {
    const stay = atEnd();
    const lines = new DOMParser().parseFromString("<ol>" + event.data + "</ol>", "text/html").querySelectorAll("li");
    for (const line of lines) {
      const there = document.getElementById(line.id);
      const fresh = document.importNode(line, true);
      if (there) there.replaceWith(fresh); else list.append(fresh);
    }
    while (list.childElementCount > most) list.firstElementChild.remove();
    if (stay) frame.scrollTop = frame.scrollHeight;
  }
  whileSeen(() => {
    if (ended) return null;
    const stream = new EventSource(list.dataset.follow);
    stream.addEventListener("lines", add);
    stream.addEventListener("end", () => {
      ended = true;
      stream.close();
      const sign = document.getElementById("following");
      if (sign) sign.textContent = "It has ended.";
      refresh();
    });
    return stream;
  });
  frame.scrollTop = frame.scrollHeight;
}

moments();
setInterval(moments, 15e3);
if (document.body.dataset.live) follow(document.body.dataset.live);
const growing = document.querySelector("[data-follow]");
if (growing) followLog(growing);

// A link of the terminal brings a token along, behind its sign, which is sent to nobody.
const token = document.querySelector("input[name=token]");
if (token && /^#lg_[a-z0-9]+_[a-z0-9]+$/.test(location.hash)) {
  token.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname + location.search);
  token.form.querySelector("button").focus();
}

// `/` goes to the search of a log, as in many places.
addEventListener("keydown", (event) => {
  const search = document.querySelector("input[type=search]");
  if (event.key === "/" && search && !event.target.closest("input, textarea") && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    search.focus();
  }
});

// What was sent is not sent twice.
addEventListener("submit", (event) => {
  const button = event.target.querySelector("button[type=submit]");
  if (event.target.method === "post" && button) setTimeout(() => { button.disabled = true; });
});
