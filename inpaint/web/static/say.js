// What a screen reader is told: milestones alone, one at a time.

const line = document.getElementById("said");

export function say(text) {
  // The same text twice is told twice only if it has changed in between.
  line.textContent = line.textContent === text ? `${text}\u00a0` : text;
}
