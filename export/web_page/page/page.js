// The page: a photograph in, its synthetic angiogram out.

const byId = (id) => document.getElementById(id);
const say = (id, text) => (byId(id).textContent = text);
const text = (key, values = {}) =>
  SETTINGS.texts[key].replace(/{(\w+)}/g, (_, name) => values[name]);
const bytes = (base64) =>
  Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
const STAMPED = ["ffa", "below", "above", "saliency"];
let generator = null, busy = true, covered = false;

async function unpacked(base64) {
  const stream = new Blob([bytes(base64)]).stream();
  const unzipped = stream.pipeThrough(new DecompressionStream("gzip"));
  return new Response(unzipped).arrayBuffer();
}

async function start() {
  try {
    const weights = new Float32Array(await unpacked(SETTINGS.weights));
    const engine = await unpacked(SETTINGS.engine);
    generator = await Generator.load(SETTINGS.stages, weights, engine);
    busy = false;
    say("status", text("ready"));
  } catch (error) {
    say("status", "");
    say("warning", text("old"));
    console.error(error);
  }
}

// RGBA pixels of an image file, as they are stored, colour profile or not.
async function pixels(file) {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, data: context.getImageData(0, 0, width, height).data };
}

const scaledSize = ({ width, height }, scale) => ({
  width: Math.max(SETTINGS.smallest_side, Math.round(width * scale)),
  height: Math.max(SETTINGS.smallest_side, Math.round(height * scale)),
});
// Between two sizes, as ffa_keras scales.
const scaled = (picture, channels, size) =>
  resize(picture, channels, size,
         size.width < picture.width ? "area" : "cubic");
const area = ({ width, height }) => width * height;

async function receive(file) {
  if (busy || !file) return;
  busy = true;
  byId("result").hidden = true;
  say("warning", "");
  say("status", text("working"));
  Object.assign(byId("progress"), { hidden: false, value: 0 });
  try {
    await translate(await pixels(file).catch(() => null));
  } catch (error) {
    say("status", "");
    say("warning", text("failed", { reason: error.message }));
    console.error(error);
  }
  byId("progress").hidden = true;
  busy = false;
}

// One after the other, the words that go with a photograph.
async function translate(photograph) {
  const began = performance.now(), notes = [];
  const side = SETTINGS.smallest_side;
  if (!photograph || Math.min(photograph.width, photograph.height) < side) {
    say("status", "");
    say("warning", text(photograph ? "small" : "unreadable", { side }));
    return;
  }
  if (area(photograph) > SETTINGS.most_pixels) {
    const { width, height } = photograph;
    const most = (SETTINGS.most_pixels / 1e6).toFixed(1);
    notes.push(text("shrunk", { width, height, most }));
    const scale = Math.sqrt(SETTINGS.most_pixels / area(photograph));
    photograph = resize(
      photograph, 4, scaledSize(photograph, 0.999 * scale), "area");
  }
  const { score, reason } = judge(photograph, SETTINGS.plausibility);
  const input = scaledForNetwork(photograph, notes);
  const answer = {
    ...input,
    data: await generator.translate(
      input, (share) => (byId("progress").value = share)),
  };
  const { width, height } = photograph;
  const ffa = input === photograph
    ? answer : scaled(answer, 1, { width, height });
  show(photograph, ffa);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  say("status", [text("done", { width, height, seconds }), ...notes].join(" "));
  if (score > SETTINGS.plausibility.usual)
    say("warning", text("doubtful", {
      reason: text(reason), score: score.toFixed(1),
      usual: SETTINGS.plausibility.usual,
    }));
}

// At the field of view that the network knows, as translation/scale.py.
function scaledForNetwork(photograph, notes) {
  const diameter = SETTINGS.field_diameter;
  const found = diameter && fieldDiameter(photograph);
  let size = photograph;
  if (found) {
    const scale = Math.min(Math.max(diameter / found, SETTINGS.least_scale),
                           SETTINGS.most_scale);
    size = scaledSize(photograph, scale);
  }
  let note = "scaled";
  if (area(size) > SETTINGS.most_translated) {
    const scale = Math.sqrt(SETTINGS.most_translated / area(photograph));
    size = scaledSize(photograph, 0.999 * scale);
    note = "limited";
  }
  const { width, height } = size;
  if (width === photograph.width && height === photograph.height)
    return photograph;
  notes.push(text(note, { width, height }));
  return scaled(photograph, 4, { width, height });
}

function show(photograph, ffa) {
  const { width, height } = ffa;
  const rgba = (grey) => {
    const data = new Uint8ClampedArray(4 * grey.length);
    for (let i = 0; i < grey.length; i++) {
      data[4 * i] = data[4 * i + 1] = data[4 * i + 2] = grey[i];
      data[4 * i + 3] = 255;
    }
    return data;
  };
  const saliency = rgba(drawSaliency(ffa.data, width, height));
  const angiogram = rgba(ffa.data);
  const pictures = {
    photograph: photograph.data, below: photograph.data,
    ffa: angiogram, above: angiogram, saliency,
  };
  for (const [id, data] of Object.entries(pictures)) {
    const strip = Math.max(24, Math.round(0.06 * width));
    const canvas = Object.assign(byId(id), { width, height: height + strip });
    const context = canvas.getContext("2d");
    context.putImageData(new ImageData(data, width, height), 0, 0);
    stamp(context, text(STAMPED.includes(id) ? "stamp" : "photograph"),
          STAMPED.includes(id) ? "#8c0018" : "#000", strip);
  }
  byId("result").hidden = false;
  uncover();
  byId("result-title").focus();
}

// Words below the picture, part of what is saved and of every screenshot.
function stamp(context, words, colour, strip) {
  const { width, height } = context.canvas;
  context.fillStyle = colour;
  context.fillRect(0, height - strip, width, strip);
  let size = Math.round(0.6 * strip);
  context.font = `bold ${size}px sans-serif`;
  size *= Math.min(1, (0.96 * width) / context.measureText(words).width);
  context.font = `bold ${size}px sans-serif`;
  context.fillStyle = "#fff";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(words, width / 2, height - strip / 2);
}

function uncover() {
  const share = byId("blink").checked ? (covered ? 0 : 100)
                                      : byId("slider").value;
  byId("above").style.clipPath = `inset(0 0 0 ${share}%)`;
}

// The text fields that say what it is follow the head of a PNG file.
async function save(id, name) {
  const blob = await new Promise((done) => byId(id).toBlob(done, "image/png"));
  const png = [blob.slice(0, 33), bytes(SETTINGS.label), blob.slice(33)];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(png, { type: "image/png" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

byId("file").onchange = (event) => {
  receive(event.target.files[0]);
  event.target.value = "";  // The same file can be chosen again.
};
byId("example").onclick = () =>
  receive(new Blob([bytes(SETTINGS.example)], { type: "image/jpeg" }));
byId("save").onclick = () => save("ffa", "synthetic_ffa.png");
byId("save-saliency").onclick = () =>
  save("saliency", "synthetic_ffa_saliency.png");
byId("slider").oninput = uncover;
byId("blink").onchange = uncover;
setInterval(() => { covered = !covered; uncover(); }, 600);
for (const kind of ["dragover", "dragleave", "drop"])
  addEventListener(kind, (event) => {
    event.preventDefault();
    document.body.classList.toggle("over", kind === "dragover");
    if (kind === "drop") receive(event.dataTransfer.files[0]);
  });
start();
