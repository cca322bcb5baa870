// What ffa_keras knows of retinas: registration/retina.py, ops/saliency.py
// and inference/plausibility.py, in JavaScript. RGBA in, 4 values a pixel.

const middle = (sorted) =>
  (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
const sum = (values) => values.reduce((a, b) => a + b, 0);

// 1 where the retina is, 0 in the surround that the camera leaves.
function fieldOfView({ data, width, height }) {
  let level = new Uint8Array(width * height);
  for (let i = 0; i < level.length; i++)
    level[i] = Math.max(data[4 * i], data[4 * i + 1], data[4 * i + 2]);
  level = median(level, width, height, 5);
  const side = Math.max(3, Math.floor(Math.min(width, height) / 40));
  const corners = [0, height - side].flatMap((top) =>
    [0, width - side].map((left) => {
      const corner = [];
      for (let y = top; y < top + side; y++)
        corner.push(...level.subarray(y * width + left,
                                      y * width + left + side));
      return corner.sort((a, b) => a - b);
    }));
  const surround = corners.map((corner) => Math.floor(middle(corner)))
    .sort((a, b) => a - b)[1];
  const spread = Math.max(...corners.map((corner) => corner.at(-1))) -
    Math.min(...corners.map((corner) => corner[0]));
  if (surround > 24 && spread > 4) return level.fill(1);
  const brighter = level.filter((value) => value > surround + 6).sort();
  if (!brighter.length) return level.fill(0);
  const step = Math.max(10, 0.15 * (middle(brighter) - surround));
  const mask = level.map((value) => Number(value > surround + step));
  const disc = [0, 2, 3, 3, 3, 2, 0], not = (m) => m.map((value) => 1 - value);
  const eroded = erode(mask, width, height, disc, 1);
  const opened = not(erode(not(eroded), width, height, disc, 1));
  return largestRegion(opened, width, height);
}

// Of a disc as large as the field of view, pixels.
const fieldDiameter = (picture) =>
  Math.sqrt(4 * sum(fieldOfView(picture)) / Math.PI);

// What stands out in grey levels (Eq. 1 of the paper), 128 where nothing does.
function drawSaliency(grey, width, height) {
  const background = median(grey, width, height, 51);
  const kernel = gaussian(7, 1.4);
  const details = convolve(grey, width, height, kernel, kernel);
  return Uint8ClampedArray.from(
    details, (value, i) => 128 + value - background[i]);
}

// How far a picture is from real fundus photographs, and what differs most;
// `known` are the references of plausibility.py.
function judge(picture, known) {
  const figures = measure(picture);
  if (!figures) return { score: known.largest, reason: "no_retina" };
  const saturation = figures.pop();
  const all = known.references.map((reference) => {
    const off = figures.map((f, i) => (f - reference[i]) / known.spreads[i]);
    return { off, distance: Math.sqrt(sum(off.map((d) => d * d)) / 4) };
  });
  const { off, distance } =
    all.reduce((a, b) => (b.distance < a.distance ? b : a));
  const worst = off.reduce(
    (a, d, i) => (Math.abs(d) > Math.abs(off[a]) ? i : a), 0);
  let score = Math.min(distance, known.largest);
  let reason = (off[worst] > 0 ? "more_" : "less_") +
    ["red", "blue", "dark_lines", "clear_lines"][worst];
  if (saturation < known.leastSaturation) {
    score = Math.max(score, 2 * known.usual);
    reason = "no_colour";
  }
  return { score, reason };
}

function measure(picture) {
  const scale = 384 / Math.max(picture.width, picture.height);
  const size = {
    width: Math.max(1, Math.round(picture.width * scale)),
    height: Math.max(1, Math.round(picture.height * scale)),
  };
  const small = resize(picture, 4, size, scale < 1 ? "area" : "linear");
  const { data, width, height } = small;
  const rim = Array.from(
    { length: 25 }, (_, i) => Math.floor(Math.sqrt(144 - (i - 12) ** 2)));
  const field = erode(fieldOfView(small), width, height, rim, 0);
  const pixels = sum(field);
  if (pixels / field.length < 0.05) return null;

  const green = Float32Array.from(field, (_, i) => data[4 * i + 1]);
  const blur = gaussian(13, 1.5);
  const smooth = convolve(green, width, height, blur, blur);
  const second = [1, -2, 1], wide = [1, 2, 1], first = [-1, 0, 1];
  const xx = convolve(smooth, width, height, second, wide);
  const yy = convolve(smooth, width, height, wide, second);
  const xy = convolve(smooth, width, height, first, first);
  const light = [0, 0, 0];
  let saturation = 0, dark = 0, darkSquares = 0, brightSquares = 0;
  for (let i = 0; i < field.length; i++) {
    if (!field[i]) continue;
    const rgb = [data[4 * i], data[4 * i + 1], data[4 * i + 2]];
    rgb.forEach((value, c) => (light[c] += value));
    const largest = Math.max(...rgb);
    saturation += (largest - Math.min(...rgb)) / Math.max(largest, 1);
    const mean = (xx[i] + yy[i]) / 2;
    const spread = Math.hypot((xx[i] - yy[i]) / 2, xy[i]);
    const line = Math.min(Math.max(2 * mean, 0), 2 * spread);
    dark += line;
    darkSquares += line ** 2;
    brightSquares += Math.min(Math.max(-2 * mean, 0), 2 * spread) ** 2;
  }
  const mean = dark / pixels, tiny = 1e-6;
  const deviation = Math.sqrt(Math.max(darkSquares / pixels - mean ** 2, 0));
  return [
    light[0] / (sum(light) + tiny),
    light[2] / (sum(light) + tiny),
    darkSquares / (darkSquares + brightSquares + tiny),
    Math.log((deviation + tiny) / (mean + tiny)),
    saturation / pixels,
  ];
}
