// What htmx alone does not do: dropping files, the progress of an upload, and messages if the gateway does not answer.
"use strict";

const TRIES = 3; // htmx opens a broken stream again; a message is shown after so many failures
const AWAY = "The gateway does not answer. What was accepted is not lost. Try again in a while.";

const size = (bytes) => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
const seconds = (left) => (left < 120 ? `${Math.ceil(left)} s` : `${Math.ceil(left / 60)} min`);

function say(words) {
  const notice = document.getElementById("connection");
  notice.textContent = words;
  notice.hidden = !words;
}

function follow(form) {
  const bar = form.querySelector("progress");
  const words = document.getElementById("sent-words");
  const file = form.querySelector("[type=file]");
  let begun = 0;
  form.addEventListener("htmx:beforeRequest", () => {
    begun = performance.now();
    bar.value = 0;
    bar.closest("p").hidden = false;
    document.getElementById("refused").replaceChildren();
    words.textContent = "";
  });
  form.addEventListener("htmx:xhr:progress", ({ detail: { loaded, total } }) => {
    if (!file.files.length || total < file.files[0].size) return; // the progress of the response
    const rate = loaded / ((performance.now() - begun) / 1000);
    bar.value = loaded / total;
    words.textContent =
      loaded < total
        ? `${size(loaded)} of ${size(total)}, ${size(rate)}/s, about ${seconds((total - loaded) / rate)} left`
        : `${size(total)}; it is being written down`;
  });
  form.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.xhr.status !== 204) bar.closest("p").hidden = true;
  });
}

function takeDrops(form) {
  const place = form.querySelector(".drop");
  const file = form.querySelector("[type=file]");
  const mark = (over) => (event) => {
    event.preventDefault();
    place.classList.toggle("over", over);
  };
  place.addEventListener("dragover", mark(true));
  place.addEventListener("dragleave", mark(false));
  place.addEventListener("drop", (event) => {
    mark(false)(event);
    if (!event.dataTransfer.files.length) return;
    file.files = event.dataTransfer.files;
    form.requestSubmit();
  });
}

const upload = document.getElementById("upload");
if (upload) {
  follow(upload);
  takeDrops(upload);
}

let failures = 0;
document.body.addEventListener("htmx:sseError", () => {
  failures += 1;
  if (failures >= TRIES) say("The connection is lost and is tried again by itself. What was accepted is not lost.");
});
document.body.addEventListener("htmx:sseOpen", () => {
  failures = 0;
  say("");
});
document.body.addEventListener("htmx:beforeRequest", () => say(""));
for (const failure of ["htmx:sendError", "htmx:timeout"]) document.body.addEventListener(failure, () => say(AWAY));
