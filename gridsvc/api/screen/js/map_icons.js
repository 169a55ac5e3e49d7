/** The map's icons, drawn on a canvas: shape says what it is, so that colour alone says nothing. */

const RATIO = 2;
export const TEAM_COLOURS = { available: "#3ddc97", engaged: "#ffb54d", off_duty: "#8797ac", out_of_service: "#8797ac" };
export const CASE_COLOURS = { emergency: "#ff6b62", routine: "#63b3ff", late: "#ffd54a" };

function draw(size, paint) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size * RATIO;
  const context = canvas.getContext("2d");
  context.scale(RATIO, RATIO);
  paint(context, size);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** A chip with one letter of the unit: filled = free, outlined = on a case. */
function team(mark, status) {
  return draw(26, (c, size) => {
    const colour = TEAM_COLOURS[status] ?? TEAM_COLOURS.off_duty;
    c.beginPath();
    c.roundRect(2, 2, size - 4, size - 4, 6);
    c.fillStyle = status === "available" ? colour : "#101a29";
    c.fill();
    c.lineWidth = 2.4;
    c.strokeStyle = status === "available" ? "#0a111c" : colour;
    c.stroke();
    c.fillStyle = status === "available" ? "#06121f" : colour;
    c.font = "600 13px 'Noto Sans CJK SC','Noto Sans SC','PingFang SC','Microsoft YaHei',sans-serif";
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.fillText(mark, size / 2, size / 2 + 0.8);
  });
}

/** A post: how many of its teams are free, of how many. */
function post(free, all) {
  const words = `${free}/${all}`;
  return draw(44, (c, size) => {
    const colour = free ? TEAM_COLOURS.available : TEAM_COLOURS.engaged;
    c.font = "600 11.5px system-ui,sans-serif";
    const width = Math.min(size - 2, c.measureText(words).width + 14);
    c.beginPath();
    c.roundRect((size - width) / 2, size / 2 - 8.5, width, 17, 8);
    c.fillStyle = free ? "#0d2a22" : "#33240c";
    c.fill();
    c.lineWidth = 1.8;
    c.strokeStyle = colour;
    c.stroke();
    c.fillStyle = colour;
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.fillText(words, size / 2, size / 2 + 1);
  });
}

/** Emergency: a triangle with an exclamation mark; routine: a disc. Hollow = no team yet; a dashed ring = late. */
function incident(urgency, waiting, late) {
  return draw(38, (c, size) => {
    const middle = size / 2;
    const colour = CASE_COLOURS[urgency] ?? CASE_COLOURS.routine;
    if (late) {
      c.beginPath();
      c.arc(middle, middle, 16.5, 0, 2 * Math.PI);
      c.strokeStyle = CASE_COLOURS.late;
      c.lineWidth = 2.6;
      c.setLineDash([5, 3]);
      c.stroke();
      c.setLineDash([]);
    }
    c.beginPath();
    if (urgency === "emergency") {
      c.moveTo(middle, 6.5);
      c.lineTo(middle + 11.5, 27.5);
      c.lineTo(middle - 11.5, 27.5);
      c.closePath();
    } else {
      c.arc(middle, middle, 9, 0, 2 * Math.PI);
    }
    c.lineJoin = "round";
    c.lineWidth = 5;
    c.strokeStyle = "#0a111c";
    c.stroke();
    c.fillStyle = waiting ? "#1a0f14" : colour;
    c.fill();
    c.lineWidth = 2.6;
    c.strokeStyle = waiting ? colour : "#ffffff";
    c.stroke();
    if (urgency === "emergency") {
      c.fillStyle = waiting ? colour : "#2a0705";
      c.fillRect(middle - 1.4, 13, 2.8, 7.5);
      c.fillRect(middle - 1.4, 22, 2.8, 2.8);
    }
  });
}

function ring() {
  return draw(48, (c, size) => {
    for (const [width, colour] of [[6, "#0a111c"], [3, "#4cc2ff"]]) {
      c.beginPath();
      c.arc(size / 2, size / 2, 20, 0, 2 * Math.PI);
      c.lineWidth = width;
      c.strokeStyle = colour;
      c.stroke();
    }
  });
}

function pin() {
  return draw(48, (c, size) => {
    const x = size / 2;
    for (const [width, colour] of [[5.5, "#0a111c"], [2.6, "#4cc2ff"]]) {
      c.lineWidth = width;
      c.strokeStyle = colour;
      c.beginPath();
      c.arc(x, x, 11, 0, 2 * Math.PI);
      for (const [dx, dy] of [[0, -1], [0, 1], [-1, 0], [1, 0]]) {
        c.moveTo(x + dx * 6, x + dy * 6);
        c.lineTo(x + dx * 21, x + dy * 21);
      }
      c.stroke();
    }
    c.beginPath();
    c.arc(x, x, 2.6, 0, 2 * Math.PI);
    c.fillStyle = "#4cc2ff";
    c.fill();
  });
}

/** A candidate of an address, by its number in the list. */
function number(n, chosen) {
  return draw(30, (c, size) => {
    c.beginPath();
    c.arc(size / 2, size / 2, 11.5, 0, 2 * Math.PI);
    c.lineWidth = 5;
    c.strokeStyle = "#0a111c";
    c.stroke();
    c.fillStyle = chosen ? "#ffd54a" : "#2b2410";
    c.fill();
    c.lineWidth = 2.2;
    c.strokeStyle = "#ffd54a";
    c.stroke();
    c.fillStyle = chosen ? "#201802" : "#ffd54a";
    c.font = "700 14px system-ui,sans-serif";
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.fillText(n, size / 2, size / 2 + 0.8);
  });
}

/** Points the way along a line. */
function arrow() {
  return draw(14, (c) => {
    c.beginPath();
    c.moveTo(4.5, 2.5);
    c.lineTo(9.5, 7);
    c.lineTo(4.5, 11.5);
    c.lineWidth = 2.2;
    c.strokeStyle = "#0b3357";
    c.stroke();
  });
}

/** What minutes and kilometres are written on. */
function plate(colour) {
  return draw(24, (c, size) => {
    c.beginPath();
    c.roundRect(1.5, 1.5, size - 3, size - 3, 6);
    c.fillStyle = "#04101f";
    c.fill();
    c.lineWidth = 1.6;
    c.strokeStyle = colour;
    c.stroke();
  });
}

/** Draw the icon that `name` stands for: team|MARK|status, post|free|all, case|urgency|waiting|late, number|n|chosen, ring, pin, arrow, plate|role; null for others. */
export function icon(name) {
  const [kind, ...words] = name.split("|");
  if (kind === "team") return team(words[0], words[1]);
  if (kind === "post") return post(Number(words[0]), Number(words[1]));
  if (kind === "case") return incident(words[0], words[1] === "1", words[2] === "1");
  if (kind === "number") return number(words[0], words[1] === "1");
  if (kind === "ring") return ring();
  if (kind === "pin") return pin();
  if (kind === "arrow") return arrow();
  if (kind === "plate") return plate(words[0] === "compared" ? "#ff9ad5" : "#ffffff");
  return null;
}

/** The same drawings for the legend and the lists, as a canvas. */
export function iconCanvas(name, alt = "") {
  const image = icon(name);
  const canvas = document.createElement("canvas");
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.style.setProperty("width", `${image.width / RATIO}px`);
  canvas.style.setProperty("height", `${image.height / RATIO}px`);
  canvas.getContext("2d").putImageData(image, 0, 0);
  if (alt) {
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", alt);
  } else {
    canvas.setAttribute("aria-hidden", "true");
  }
  return canvas;
}

/** How the map is to take the icon: a plate grows with its words, its corners do not. */
export const imageOptions = (name) => ({
  pixelRatio: RATIO,
  ...(name.startsWith("plate") ? { stretchX: [[16, 32]], stretchY: [[16, 32]], content: [6, 4, 42, 44] } : {}),
});
