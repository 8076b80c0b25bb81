"use strict";
// The shop's few moving parts: colour choice, the calendar, the page that arrives in stages.
const find = (selector) => document.querySelector(selector);

for (const radio of document.querySelectorAll(".colours input")) {
  radio.addEventListener("change", () => {
    find("#picture svg").setAttribute("class", `k-${radio.value}`);
    find("#add").disabled = false;
  });
}

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const calendar = find("#calendar");
let shown = { year: 2026, month: 11 }; // Fixed, so that the page looks the same on every day.

function button(text, kind, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.className = kind;
  made.addEventListener("click", act);
  calendar.append(made);
  return made;
}

function turn(by) {
  const month = shown.month + by;
  shown = { year: shown.year + Math.floor(month / 12), month: (month + 12) % 12 };
  draw();
}

function pick(days) {
  find("#day").value = `${days} ${MONTHS[shown.month]} ${shown.year}`;
  calendar.hidden = true;
}

// Any of several days: drag from the first to the last.
let first = 0;

function take(made, day) {
  made.addEventListener("mousedown", () => { first = day; });
  made.addEventListener("mouseup", () => {
    const [from, to] = [Math.min(first, day), Math.max(first, day)];
    if (first && from < to) pick(`${from} to ${to}`);
    first = 0;
  });
}

function draw() {
  calendar.replaceChildren();
  button("‹", "prev", () => turn(-1));
  const title = document.createElement("b");
  title.textContent = `${MONTHS[shown.month]} ${shown.year}`;
  calendar.append(title);
  button("›", "next", () => turn(1));
  const lead = (new Date(Date.UTC(shown.year, shown.month, 1)).getUTCDay() + 6) % 7; // Monday first.
  const days = new Date(Date.UTC(shown.year, shown.month + 1, 0)).getUTCDate();
  for (let day = 1; day <= days; day += 1) {
    const place = lead + day - 1;
    const made = button(String(day), "day", () => pick(day));
    take(made, day);
    made.style.left = `${8 + (place % 7) * 73}px`;
    made.style.top = `${72 + Math.floor(place / 7) * 58}px`;
    made.style.height = "52px";
    made.style.lineHeight = "52px";
  }
}

if (calendar) {
  find("#day").addEventListener("click", () => {
    calendar.hidden = false;
    draw();
  });
}

async function arrive(stage) {
  const answer = await fetch(`/slow/${stage.dataset.stage}`);
  stage.textContent = await answer.text();
  stage.classList.add("here");
}
document.querySelectorAll(".stage").forEach(arrive);
