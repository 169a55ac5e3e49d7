/** A short two-tone sound, repeated while it is wanted. Browsers allow sound only after the first click or key. */

const EVERY_MS = 4_000;
const TONES_HZ = [880, 660];
const TONE_S = 0.16;
const LOUDNESS = 0.25;

let audio = null;
let timer = null;
let wanted = false;
let listener = () => {};

/** Call `onChange` when sound becomes possible or blocked; the first click or key makes it possible. */
export function startSound(onChange) {
  listener = onChange;
  // Not pointerdown and keydown: what is drawn again in the middle of a click would lose the click.
  for (const gesture of ["click", "keyup"]) document.addEventListener(gesture, unblock, { capture: true });
}

/** Whether the browser lets no sound out. */
export const isBlocked = () => audio?.state !== "running";

/** Let the browser play: to be called from a click or a key. */
export function unblock() {
  if (!globalThis.AudioContext) return;
  if (!audio) {
    audio = new AudioContext();
    audio.addEventListener("statechange", changed);
  }
  if (isBlocked()) audio.resume().then(changed, () => {});
}

/** Sound again and again, or be silent. */
export function sound(on) {
  if (wanted === on) return;
  wanted = on;
  clearInterval(timer);
  if (!on) return;
  play();
  timer = setInterval(play, EVERY_MS);
}

let blockedBefore = true;
function changed() {
  if (blockedBefore === isBlocked()) return;
  blockedBefore = isBlocked();
  if (wanted && !blockedBefore) play();
  listener();
}

function play() {
  if (isBlocked()) return;
  const start = audio.currentTime;
  TONES_HZ.forEach((frequency, n) => {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    const at = start + n * (TONE_S + 0.04);
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(LOUDNESS, at + 0.01);
    volume.gain.setValueAtTime(LOUDNESS, at + TONE_S - 0.03);
    volume.gain.linearRampToValueAtTime(0, at + TONE_S);
    tone.connect(volume).connect(audio.destination);
    tone.start(at);
    tone.stop(at + TONE_S);
  });
  document.body.dataset.sounds = String(Number(document.body.dataset.sounds ?? 0) + 1);
}
